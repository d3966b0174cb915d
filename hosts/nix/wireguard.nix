# A host's part of the overlay in WireGuard: its devices, and which of them leads where.
#
# This is how a node wants the mesh while it has measured nothing, so that a host is reached before
# its node is up, and without it. What the node decides then goes before it: see `metric`.
{
  plan,
  host,
}:
let
  me = plan.hosts.${host};

  # Of two routes to one host the lower metric counts, and the node's is 77.
  metric = 7600;

  optional = condition: value: if condition then [ value ] else [ ];

  peer = planned: {
    inherit (planned) key;
    host = planned.host;
    allowed = planned.allowed or [ plan.ipv4 plan.ipv6 ];
    endpoint = if planned.endpoints or [ ] == [ ] then null else builtins.head planned.endpoints;
    keepalive = planned.keepalive or 0;
  };

  direct = {
    name = "sim0";
    listen = me.port;
    peers = map peer me.peers;
  };
  clients = {
    name = "simr";
    listen = me.port + 1;
    peers = map peer me.clients;
  };
  toRelay = relay: {
    name = relay.device;
    inherit (relay) listen;
    peers = [ (peer relay) ];
  };

  has = name: builtins.any (each: each.host == name);

  # The device for another host of which nothing is known yet.
  deviceFor =
    name:
    let
      begun = builtins.filter (each: !(each.punched && me.relays != [ ])) me.peers;
    in
    if has name begun then
      "sim0"
    else if has name me.clients then
      "simr"
    else if me.relays != [ ] then
      (builtins.head me.relays).device
    else
      "sim0";

  others = builtins.filter (name: name != host && plan.hosts.${name}.key != "") (
    builtins.attrNames plan.hosts
  );

  # Hosts that have OpenVPN alone are behind the relays that serve them.
  old = builtins.filter (name: name != host && plan.hosts.${name}.key == "" && servers name != [ ]) (
    builtins.attrNames plan.hosts
  );
  servers =
    name:
    map (relay: relay.host) (
      builtins.filter (relay: relay.openvpn != [ ]) plan.hosts.${name}.relays
    );
  routesToOld =
    name:
    let
      serving = builtins.filter (relay: builtins.elem relay.host (servers name)) me.relays;
    in
    optional (serving != [ ] && !(builtins.elem host (servers name))) {
      inherit metric;
      inherit (builtins.head serving) device;
      to = "${plan.hosts.${name}.ipv4}/32";
      source = me.ipv4;
    };

  routesTo =
    name:
    let
      other = plan.hosts.${name};
      device = deviceFor name;
    in
    [
      {
        inherit device metric;
        to = "${other.ipv4}/32";
        source = me.ipv4;
      }
      {
        inherit device metric;
        to = "${other.ipv6}/128";
        source = me.ipv6;
      }
    ];
in
if me.key == "" then
  {
    devices = [ ];
    addresses = [ ];
    routes = [ ];
  }
else
  {
    devices = [ direct ] ++ optional (me.clients != [ ]) clients ++ map toRelay me.relays;
    addresses = [
      "${me.ipv4}/32"
      "${me.ipv6}/128"
    ];
    routes = builtins.concatMap routesTo others ++ builtins.concatMap routesToOld old;
  }
