# The network's names, as in nas.home: the node tells them, and systemd-resolved asks it, for the
# network's zone only.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkDefault mkIf;

  cfg = config.services.simulacra.overlay;
  plan = cfg.read;
in
{
  config = mkIf (cfg.enable && plan.hosts.${cfg.host}.key != "") {
    services.resolved.enable = mkDefault true;
    systemd.network.networks."50-simulacra-sim0" = {
      dns = [ "127.0.0.1:7453" ];
      domains = [ "~${plan.network}" ];
    };
  };
}
