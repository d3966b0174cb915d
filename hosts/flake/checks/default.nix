# Tests in virtual machines: two hosts in networks of their own, and a router between them.
{ testers }:
let
  network = ./network;

  inventory = builtins.fromTOML (builtins.readFile (network + "/inventory.toml"));
  plan = builtins.fromJSON (builtins.readFile (network + "/plan.json"));

  # A host in a LAN of its own; its keys are there before it is up.
  host =
    name:
    { config, pkgs, ... }:
    let
      state = "/var/lib/${config.services.simulacra.overlay.stateDirectory}";
      keys = "${network}/keys/${name}";
      other = if name == "left" then 2 else 1;
    in
    {
      imports = [
        ../../modules/simulacra.nix
        ../../modules/overlay
        ../../modules/proxies.nix
      ];

      virtualisation.vlans = [ (3 - other) ];
      networking.useNetworkd = true;
      systemd.network.networks."40-eth1".routes = [
        {
          Destination = "192.168.${toString other}.0/24";
          Gateway = "192.168.${toString (3 - other)}.3";
        }
      ];

      users.users.ann.isNormalUser = true;
      environment.systemPackages = [ pkgs.wireguard-tools ];
      services.simulacra = {
        enable = true;
        user = "ann";
        inherit name;
        overlay = {
          enable = true;
          inventory = network + "/inventory.toml";
          plan = network + "/plan.json";
        };
      };

      systemd.tmpfiles.rules = [
        "d ${state} 0700 simulacra-overlay - -"
        "C ${state}/overlay.key 0600 simulacra-overlay - - ${keys}.overlay.key"
        "C ${state}/openvpn.crt 0644 simulacra-overlay - - ${keys}.openvpn.crt"
        "C ${state}/openvpn.key 0600 simulacra-overlay - - ${keys}.openvpn.key"
      ];
    };

  router = blocked: {
    virtualisation.vlans = [
      1
      2
    ];
    boot.kernel.sysctl."net.ipv4.ip_forward" = true;
    networking.firewall.enable = false;
    networking.nftables = {
      enable = true;
      tables.router = {
        family = "inet";
        content = ''
          chain forward {
            type filter hook forward priority filter; policy accept;
            ${blocked}
          }
        '';
      };
    };
  };

  test =
    name: blocked: script:
    testers.runNixOSTest {
      name = "simulacra-${name}";
      nodes = {
        left = host "left";
        right = host "right";
        router = router blocked;
      };
      testScript = ''
        start_all()
        for machine in (left, right):
            machine.wait_for_unit("systemd-networkd.service")
            machine.wait_for_unit("simulacra-overlay.socket")
        router.wait_for_unit("network.target")

        with subtest("from outside ssh answers, and nothing else that is not opened"):
            router.wait_until_succeeds("bash -c '</dev/tcp/${inventory.hosts.right.ssh.host}/22'")
            router.fail("timeout 2 bash -c '</dev/tcp/${inventory.hosts.right.ssh.host}/7400'")

        with subtest("the helper's socket is the node's user's"):
            left.succeed("su nobody -s /bin/sh -c 'test ! -w /run/simulacra/overlay.sock'")
            left.succeed("su ann -s /bin/sh -c 'test -w /run/simulacra/overlay.sock'")

        ${script}
      '';
    };

  left = plan.hosts.left;
  right = plan.hosts.right;
  toRight = (builtins.head left.relays).device;
in
{
  wireguard = test "wireguard" "" ''
    with subtest("each reaches the other before its node does anything"):
        left.wait_until_succeeds("ping -c1 -W1 ${right.ipv4}", timeout=60)
        right.wait_until_succeeds("ping -c1 -W1 ${left.ipv4}", timeout=60)
        left.wait_until_succeeds("ping -c1 -W1 ${right.ipv6}", timeout=60)

    with subtest("the node is up without a login, and speaks to the helper"):
        left.wait_until_succeeds(
            "su - ann -c 'XDG_RUNTIME_DIR=/run/user/$(id -u) simulacra overlay status --json'",
            timeout=120,
        )
  '';

  openvpn = test "openvpn" "meta l4proto udp counter drop" ''
    with subtest("where UDP is blocked, WireGuard reaches the relay inside OpenVPN"):
        left.wait_for_unit("openvpn-simulacra-to-right.service")
        right.wait_for_unit("openvpn-simulacra-server.service")
        left.succeed("wg set ${toRight} peer ${right.key} endpoint ${right.openvpn.address}:51821")
        left.wait_until_succeeds(
            "ping -c1 -W1 -I ${toRight} ${right.ipv4}; wg show ${toRight} latest-handshakes | grep -v '\\s0$'",
            timeout=120,
        )

    with subtest("nothing else of the relay answers there"):
        left.fail("timeout 2 bash -c '</dev/tcp/${right.openvpn.address}/22'")
  '';
}
