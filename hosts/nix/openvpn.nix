# A host's OpenVPN, which carries the overlay over TCP where UDP is blocked: the text of each
# configuration. Both sides know each other's certificate by its fingerprint, so there is no CA; the
# name in a host's certificate is the host's.
#
# Paths of secrets are strings, and stay strings: nothing of them is read here.
{
  plan,
  host,
  certificate,
  key,
  # By the other host: of hosts that have the old form with a key that both sides share.
  sharedKeys,
}:
let
  me = plan.hosts.${host};
  old = me.key == "";

  lines = builtins.concatStringsSep "\n";
  inherit (import ./addresses.nix) address netmask;

  common = [
    "dev-type tun"
    "persist-tun"
    "socket-flags TCP_NODELAY"
    "disable-dco"
    "verb 2"
  ];

  remotes =
    relay:
    map (
      each:
      let
        # An address of IPv6 stands in brackets there, and in none here.
        parts = builtins.match "\\[?([^]]*)]?:([0-9]+)" each;
      in
      "remote ${builtins.elemAt parts 0} ${builtins.elemAt parts 1}"
    ) relay.openvpn;

  fingerprints = all: [ "<peer-fingerprint>" ] ++ all ++ [ "</peer-fingerprint>" ];

  tls = [
    "cert \"${certificate}\""
    "key \"${key}\""
    "tls-version-min 1.2"
  ];

  # The old form: no certificates, no agreeing on keys anew. OpenVPN warns of it each time.
  shared = other: [
    "secret \"${sharedKeys.${other} or (throw "${host} shares a key with ${other}, and services.simulacra.overlay.openvpn.sharedKeys.${other} does not say where it lies: `openvpn --genkey secret FILE` makes one")}\""
    "cipher AES-256-CBC"
    "auth SHA256"
    "keepalive 5 20"
  ];

  server = planned: {
    name = "simulacra";
    device = "simv";
    # What each client is told, by the name in its certificate.
    clients = builtins.mapAttrs (
      _: client: "ifconfig-push ${builtins.elemAt client 1} ${netmask planned.network}\n"
    ) planned.clients;
    config = clientFolder: lines (
      [
        "mode server"
        "tls-server"
        "dh none"
        "proto tcp-server"
        "port ${toString planned.port}"
        "dev simv"
        "topology subnet"
        "push \"topology subnet\""
        "ifconfig ${planned.address} ${netmask planned.network}"
        "client-to-client"
        "client-config-dir \"${clientFolder}\""
        "ccd-exclusive"
        "keepalive 5 20"
      ]
      ++ common
      ++ tls
      ++ fingerprints (map (client: builtins.elemAt client 0) (builtins.attrValues planned.clients))
    );
  };

  # The relay's side for one host of the old form.
  oldClient = planned: name: {
    name = "simulacra-${name}";
    device = "simk${toString planned.shared.${name}}";
    clients = { };
    config = _: lines (
      [
        "proto tcp-server"
        "lport ${toString planned.shared.${name}}"
        "dev simk${toString planned.shared.${name}}"
        "ifconfig ${planned.address} ${plan.hosts.${name}.ipv4}"
      ]
      ++ common
      ++ shared name
    );
  };

  # Of an old host the overlay itself; of any other only what carries WireGuard.
  deviceTo = relay: (if old then "simk" else "simv") + toString relay.number;

  toRelay = relay: {
    name = "simulacra-${relay.host}";
    device = deviceTo relay;
    clients = { };
    config = _: lines (
      [
        "proto tcp-client"
        "nobind"
        "connect-retry 1 10"
        "connect-timeout 5"
        "resolv-retry infinite"
        "dev ${deviceTo relay}"
      ]
      ++ remotes relay
      ++ common
      ++ (
        if old then
          [
            "ifconfig ${me.ipv4} ${relay.inside}"
            "route ${address plan.ipv4} ${netmask plan.ipv4}"
          ]
          ++ shared relay.host
        else
          [
            "tls-client"
            "pull"
            "route-nopull"
          ]
          ++ tls
          ++ fingerprints [ relay.fingerprint ]
      )
    );
  };
in
(
  if me.openvpn == null then
    [ ]
  else
    (if me.openvpn.clients == { } then [ ] else [ (server me.openvpn) ])
    ++ map (oldClient me.openvpn) (builtins.attrNames me.openvpn.shared)
)
++ map toRelay (builtins.filter (relay: relay.openvpn != [ ]) me.relays)
