# WireGuard in the kernel by systemd-networkd, so that a host is in the overlay before its node is,
# and without it. What the node changes, networkd leaves alone.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkDefault mkIf;

  cfg = config.services.simulacra.overlay;
  plan = cfg.read;
  mesh = import ../../nix/wireguard.nix {
    inherit plan;
    inherit (cfg) host;
  };

  peer =
    each:
    {
      PublicKey = each.key;
      AllowedIPs = each.allowed;
    }
    // lib.optionalAttrs (each.endpoint != null) { Endpoint = each.endpoint; }
    // lib.optionalAttrs (each.keepalive != 0) { PersistentKeepalive = each.keepalive; };

  netdev = device: {
    netdevConfig = {
      Kind = "wireguard";
      Name = device.name;
      MTUBytes = toString plan.mtu;
    };
    wireguardConfig = {
      PrivateKeyFile = "/run/simulacra-overlay/key";
    }
    // lib.optionalAttrs (device.listen != 0) { ListenPort = device.listen; };
    wireguardPeers = map peer device.peers;
  };

  route = each: {
    Destination = each.to;
    PreferredSource = each.source;
    Metric = each.metric;
    Scope = "link";
  };

  network = device: {
    matchConfig.Name = device.name;
    linkConfig.RequiredForOnline = "no";
    networkConfig = {
      LinkLocalAddressing = "no";
      IPv6AcceptRA = false;
    };
    # On all: the kernel takes nothing in from elsewhere by a device without an address.
    address = mesh.addresses;
    routes = map route (lib.filter (each: each.device == device.name) mesh.routes);
  };

  each = make: lib.listToAttrs (
    map (device: lib.nameValuePair "50-simulacra-${device.name}" (make device)) mesh.devices
  );
in
{
  config = mkIf (cfg.enable && mesh.devices != [ ]) {
    services.simulacra.overlay.devices = map (device: device.name) mesh.devices;

    systemd.network = {
      enable = true;
      netdevs = each netdev;
      networks = each network;
      # The node's own routes and rules lie beside these.
      config.networkConfig = {
        ManageForeignRoutes = false;
        ManageForeignRoutingPolicyRules = false;
      };
      # Where the rest of the network is not networkd's, there is nothing for it to wait for.
      wait-online.enable = mkDefault config.networking.useNetworkd;
    };

    # By which relay an answer comes back may be another than the one a question took.
    networking.firewall.checkReversePath = mkDefault "loose";
  };
}
