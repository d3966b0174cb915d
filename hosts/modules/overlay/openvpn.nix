# OpenVPN on TCP: what a relay serves, and how a host comes to relays that do. It is always up, so
# that it is there at the moment that UDP is blocked.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkIf;

  cfg = config.services.simulacra.overlay;
  plan = cfg.read;
  me = plan.hosts.${cfg.host};

  instances = import ../../nix/openvpn.nix {
    inherit plan;
    inherit (cfg) host;
    inherit (cfg.openvpn) certificate key;
    sharedKey =
      name:
      cfg.openvpn.sharedKeys.${name} or "/var/lib/${cfg.stateDirectory}/openvpn/shared/${name}.key";
  };
  named = instance: "simulacra-${instance.name}";

  clientFolder =
    instance:
    pkgs.symlinkJoin {
      name = "${named instance}-clients";
      paths = lib.mapAttrsToList pkgs.writeTextDir instance.clients;
    };

  # On both sides: the hosts of the old form.
  old =
    lib.optionals (me.openvpn != null) (lib.attrNames me.openvpn.shared)
    ++ lib.optional (me.key == "" && instances != [ ]) cfg.host;
in
{
  config = mkIf cfg.enable {
    warnings = map (name: ''
      ${name} speaks OpenVPN with a shared key, which is never agreed on anew: whoever gets hold of
      it can read all that was ever sent. OpenVPN gives this form up with version 2.7: use it only
      for what can speak nothing newer.
    '') old;

    # Those of old hosts; the others carry WireGuard alone.
    services.simulacra.overlay.devices = lib.filter (lib.hasPrefix "simk") (
      map (instance: instance.device) instances
    );

    services.openvpn.servers = lib.listToAttrs (
      map (
        instance:
        lib.nameValuePair (named instance) {
          config = instance.config (clientFolder instance);
        }
      ) instances
    );

    # The certificate is made on the host.
    systemd.services.simulacra-overlay-key.before = map (
      instance: "openvpn-${named instance}.service"
    ) instances;
  };
}
