# A host's OpenVPN, which carries WireGuard to relays over TCP where UDP is blocked, and the overlay
# of hosts that have no WireGuard: the text of each configuration. It is what the node's helper
# writes elsewhere, to the letter (overlay/mesh/openvpn.py says why it is so, and what is behind
# which device).
#
# Paths of secrets are strings, and stay strings: nothing of them is read here.
{
  plan,
  host,
  certificate,
  key,
  # The path of the key that is shared with another host, by its name.
  sharedKey,
}:
let
  inherit (import ./addresses.nix) address netmask;

  me = plan.hosts.${host};
  old = me.key == "" && builtins.any (relay: relay.openvpn != [ ]) me.relays;

  optionals = condition: values: if condition then values else [ ];
  text = lines: builtins.concatStringsSep "" (map (line: "${line}\n") lines);
  path = file: "\"${file}\"";

  common = [
    "dev-type tun"
    "persist-tun"
    "socket-flags TCP_NODELAY"
    "disable-dco"
    "verb 2"
  ];
  patience = "keepalive 5 20";

  identity = [
    "cert ${path certificate}"
    "key ${path key}"
    "tls-version-min 1.2"
  ];
  fingerprints = prints: [ "<peer-fingerprint>" ] ++ prints ++ [ "</peer-fingerprint>" ];

  shared = other: [
    "secret ${path (sharedKey other)}"
    "cipher AES-256-CBC"
    "auth SHA256"
    patience
  ];

  remotes =
    relay:
    map (
      each:
      let
        parts = builtins.match "\\[?([^]]*)]?:([0-9]+)" each;
      in
      "remote ${builtins.elemAt parts 0} ${builtins.elemAt parts 1}"
    ) relay.openvpn;

  server = served: {
    name = "server";
    device = "simv";
    # What each client is told, by the name in its certificate.
    clients = builtins.mapAttrs (
      _: client: "ifconfig-push ${builtins.elemAt client 1} ${netmask served.network}\n"
    ) served.clients;
    config =
      clients:
      text (
        [
          "mode server"
          "tls-server"
          "dh none"
          "proto tcp-server"
          "port ${toString served.port}"
          "dev simv"
          "topology subnet"
          "push \"topology subnet\""
          "ifconfig ${served.address} ${netmask served.network}"
          "client-to-client"
          "client-config-dir ${path clients}"
          "ccd-exclusive"
          patience
        ]
        ++ common
        ++ identity
        ++ fingerprints (map (client: builtins.elemAt client 0) (builtins.attrValues served.clients))
      );
  };

  # The relay's side for one host of the old form.
  forOld =
    served: name:
    let
      port = toString served.shared.${name};
    in
    {
      name = "old-${name}";
      device = "simk${port}";
      clients = { };
      config =
        _:
        text (
          [
            "proto tcp-server"
            "lport ${port}"
            "dev simk${port}"
            "ifconfig ${served.address} ${plan.hosts.${name}.ipv4}"
          ]
          ++ common
          ++ shared name
        );
    };

  toRelay =
    relay:
    let
      device = (if old then "simk" else "simv") + toString relay.number;
    in
    {
      name = "to-${relay.host}";
      inherit device;
      clients = { };
      config =
        _:
        text (
          [
            "proto tcp-client"
            "nobind"
            "connect-retry 1 10"
            "connect-timeout 5"
            "resolv-retry infinite"
            "dev ${device}"
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
              ++ identity
              ++ fingerprints [ relay.fingerprint ]
          )
        );
    };
in
optionals (me.openvpn != null) (
  optionals (me.openvpn.clients != { }) [ (server me.openvpn) ]
  ++ map (forOld me.openvpn) (builtins.attrNames me.openvpn.shared)
)
++ map toRelay (builtins.filter (relay: relay.openvpn != [ ]) me.relays)
