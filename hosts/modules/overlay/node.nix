# What the node has to be told of the overlay: the plan, and whom it looks for first.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkDefault mkIf;

  cfg = config.services.simulacra.overlay;
  plan = cfg.read;
  me = plan.hosts.${cfg.host};

  port = 7400;
  isOld = me.key == "" && lib.any (relay: relay.openvpn != [ ]) me.relays;
  others = lib.filterAttrs (name: host: name != cfg.host && host.kind == "node") plan.hosts;
in
{
  config = mkIf cfg.enable {
    services.simulacra.settings =
      {
        join = mkDefault (map (host: "${host.ipv4}:${toString port}") (lib.attrValues others));
        zone = mkDefault me.zone;
      }
      // lib.optionalAttrs (me.key != "") { plan = mkDefault "/etc/simulacra/plan.json"; }
      # An old host is in the overlay by OpenVPN alone, which its node does not mind.
      // lib.optionalAttrs isOld { listen = mkDefault "${me.ipv4}:${toString port}"; };
  };
}
