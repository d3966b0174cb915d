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
    inherit (cfg.openvpn) certificate key sharedKeys;
  };

  clientFolder =
    instance:
    pkgs.symlinkJoin {
      name = "${instance.name}-clients";
      paths = lib.mapAttrsToList pkgs.writeTextDir instance.clients;
    };

  withCertificates = me.key != "" && instances != [ ];
  old =
    lib.optionals (me.openvpn != null) (lib.attrNames me.openvpn.shared)
    ++ lib.optional (me.key == "" && instances != [ ]) cfg.host;
in
{
  config = mkIf cfg.enable {
    assertions = [
      {
        assertion = withCertificates -> cfg.openvpn.certificate != null && cfg.openvpn.key != null;
        message = ''
          The plan has OpenVPN for ${cfg.host}: say where its certificate and key lie, by
          services.simulacra.overlay.openvpn.certificate and .key, or take openvpn out of the
          inventory's hosts.${cfg.host}.
        '';
      }
    ];

    warnings = map (name: ''
      ${name} speaks OpenVPN with a shared key, which is never agreed on anew: who gets hold of it
      can read all that was ever sent. OpenVPN gives the form up with version 2.7.
    '') old;

    # Those of old hosts; the others carry WireGuard alone.
    services.simulacra.overlay.devices = lib.filter (lib.hasPrefix "simk") (
      map (instance: instance.device) instances
    );

    services.openvpn.servers = lib.listToAttrs (
      map (
        instance:
        lib.nameValuePair instance.name {
          config = instance.config (clientFolder instance);
        }
      ) instances
    );
  };
}
