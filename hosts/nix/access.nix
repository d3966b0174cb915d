# Who may open connections to a host from inside of the overlay, and what a relay forwards, as chains
# of nftables. It is what the node's helper writes, to the letter (overlay/mesh/access.py says why
# each rule is there), so that it holds before the node is up, and without it.
{
  plan,
  host,
}:
let
  me = plan.hosts.${host};
  devices = "\"sim*\"";

  names = builtins.attrNames plan.hosts;
  concatMap = builtins.concatMap;
  optionals = condition: values: if condition then values else [ ];

  familyOf = address: if builtins.match ".*:.*" address == null then "ip" else "ip6";
  families = [
    "ip"
    "ip6"
  ];
  ofFamily = family: builtins.filter (address: familyOf address == family);
  networkOf =
    address:
    if builtins.match ".*/.*" address != null then
      address
    else
      address + (if familyOf address == "ip" then "/32" else "/128");

  set = addresses: "{ ${builtins.concatStringsSep ", " (map networkOf addresses)} }";
  from = addresses: "${familyOf (builtins.head addresses)} saddr ${set addresses}";
  to = addresses: "${familyOf (builtins.head addresses)} daddr ${set addresses}";

  ports =
    opening:
    let
      first = toString opening.first;
      last = toString opening.last;
    in
    "${opening.protocol} dport ${if first == last then first else "${first}-${last}"}";

  chain =
    name: hook: rules:
    let
      lines =
        optionals (hook != null) [ "type filter hook ${hook} priority filter - 5; policy accept;" ]
        ++ rules;
    in
    "  chain ${name} {\n${builtins.concatStringsSep "" (map (line: "    ${line}\n") lines)}  }\n";

  tunnel =
    let
      network = from [ me.openvpn.network ];
    in
    optionals (me.openvpn != null) [
      "${network} udp dport ${toString (me.port + 1)} accept"
      "${network} ct state { established, related } accept"
      "${network} drop"
    ];

  input =
    [ "iifname \"lo\" accept" ]
    ++ tunnel
    ++ [
      "iifname ${devices} jump overlay"
      "${from [ plan.ipv4 ]} drop"
      "${from [ plan.ipv6 ]} drop"
      "${to [ plan.ipv4 ]} drop"
      "${to [ plan.ipv6 ]} drop"
    ];

  opened =
    opening:
    concatMap (
      family:
      let
        sources = ofFamily family opening.sources;
      in
      optionals (sources != [ ]) [ "${from sources} ${ports opening} accept" ]
    ) families;

  overlay =
    if me.inside == null then
      [ "accept" ]
    else
      [
        "ct state { established, related } accept"
        "ct state invalid drop"
        "meta l4proto { icmp, ipv6-icmp } accept"
      ]
      ++ concatMap opened me.inside
      ++ [ "counter drop" ];

  forward = [
    "iifname ${devices} oifname ${devices} goto relayed"
    "iifname ${devices} counter drop"
    "oifname ${devices} counter drop"
  ];

  phones = builtins.filter (name: plan.hosts.${name}.kind == "phone") names;
  addresses = name: [
    plan.hosts.${name}.ipv4
    plan.hosts.${name}.ipv6
  ];

  # What a phone may reach by this relay.
  exposed =
    name:
    concatMap (client: optionals (client.host == name && client.reaches != null) client.reaches) me.clients;

  reaching =
    name:
    concatMap (
      address:
      let
        reached = ofFamily (familyOf address) (exposed name);
      in
      optionals (reached != [ ]) [ "${from [ address ]} ${to reached} accept" ]
    ) (addresses name);

  # To phones nobody is the first to speak.
  silent =
    family:
    let
      own = ofFamily family (concatMap addresses phones);
    in
    [
      "${from own} counter drop"
      "${to own} counter drop"
    ];

  relayed = optionals (phones != [ ]) (
    [ "ct state { established, related } accept" ] ++ concatMap reaching phones ++ concatMap silent families
  );
in
{
  table = "simulacra_access";
  chains =
    chain "input" "input" input
    + chain "overlay" null overlay
    + chain "forward" "forward" forward
    + chain "relayed" null relayed;
}
