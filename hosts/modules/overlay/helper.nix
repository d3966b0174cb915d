# The helper: the one small process that may change devices, routes and the firewall. It runs as a
# user of its own with CAP_NET_ADMIN and nothing else, and listens at one socket, which the node's
# user may reach.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkIf;

  cfg = config.services.simulacra.overlay;
  node = config.services.simulacra;
  systemd = config.systemd.package;

  helper = lib.escapeShellArgs [
    (lib.getExe' node.package "simulacra-overlay-helper")
    "--host"
    cfg.host
    "--user"
    node.user
    "--state"
    "/var/lib/${cfg.stateDirectory}"
    # It is services of systemd here, by ./openvpn.nix.
    "--openvpn-elsewhere"
  ];

  hardened = {
    User = "simulacra-overlay";
    Group = cfg.group;
    StateDirectory = cfg.stateDirectory;
    StateDirectoryMode = "0700";
    UMask = "0077";

    NoNewPrivileges = true;
    LockPersonality = true;
    PrivateDevices = true;
    PrivateTmp = true;
    ProtectClock = true;
    ProtectControlGroups = true;
    ProtectHome = true;
    ProtectHostname = true;
    ProtectKernelLogs = true;
    ProtectKernelModules = true;
    ProtectProc = "invisible";
    ProtectSystem = "strict";
    RestrictNamespaces = true;
    RestrictRealtime = true;
    RestrictSUIDSGID = true;
    SystemCallArchitectures = "native";
    SystemCallFilter = [
      "@system-service"
      "~@privileged"
    ];
  };
in
{
  config = mkIf cfg.enable {
    assertions = [
      {
        assertion = node.enable;
        message = "services.simulacra.overlay needs the node: services.simulacra.enable = true.";
      }
    ];

    # Which hosts there are, for the helper and the node.
    environment.etc."simulacra/plan.json".source = cfg.plan;

    users.groups.${cfg.group} = { };
    users.users = {
      simulacra-overlay = {
        isSystemUser = true;
        inherit (cfg) group;
        description = "Simulacra's helper for the overlay";
      };
      ${node.user}.extraGroups = [ cfg.group ];
    };

    systemd.sockets.simulacra-overlay = {
      description = "Where the node asks for changes of the overlay";
      wantedBy = [ "sockets.target" ];
      socketConfig = {
        ListenStream = "/run/simulacra/overlay.sock";
        SocketUser = "root";
        SocketGroup = cfg.group;
        SocketMode = "0660";
        DirectoryMode = "0755";
      };
    };

    systemd.services.simulacra-overlay = {
      description = "Simulacra's helper for the overlay";
      requires = [ "simulacra-overlay.socket" ];
      after = [
        "simulacra-overlay.socket"
        "simulacra-overlay-key.service"
      ];
      path = [ pkgs.nftables ];
      # It holds nothing that a new one would not find again.
      restartTriggers = [ config.environment.etc."simulacra/plan.json".source ];
      serviceConfig = hardened // {
        ExecStart = helper;
        Restart = "on-failure";
        RestartSec = 1;
        AmbientCapabilities = [ "CAP_NET_ADMIN" ];
        CapabilityBoundingSet = [ "CAP_NET_ADMIN" ];
        RestrictAddressFamilies = [
          "AF_UNIX"
          "AF_NETLINK"
          "AF_INET"
          "AF_INET6"
        ];
      };
    };

    # The key is made on the host before WireGuard needs it, and copied to where networkd reads it.
    systemd.services.simulacra-overlay-key = {
      description = "This host's key of the overlay";
      wantedBy = [ "multi-user.target" ];
      before = [ "systemd-networkd.service" ];
      wants = [ "network-pre.target" ];
      serviceConfig = hardened // {
        Type = "oneshot";
        ExecStart = "${helper} --show-key";
        ExecStartPost = "+${pkgs.writeShellScript "simulacra-overlay-key" ''
          set -eu
          ${pkgs.coreutils}/bin/install -D -m 0640 -g systemd-network \
            /var/lib/${cfg.stateDirectory}/overlay.key /run/simulacra-overlay/key
          # At the machine's start networkd waits for this; later it has to be told.
          if ${systemd}/bin/systemctl is-active --quiet systemd-networkd; then
            ${systemd}/bin/networkctl reload
          fi
        ''}";
        CapabilityBoundingSet = [ "" ];
        PrivateNetwork = true;
        RestrictAddressFamilies = [ "AF_UNIX" ];
      };
    };

    # A key that was turned is networkd's from then on.
    systemd.paths.simulacra-overlay-key = {
      wantedBy = [ "multi-user.target" ];
      pathConfig.PathChanged = "/var/lib/${cfg.stateDirectory}/overlay.key";
    };
  };
}
