# From outside only what the plan opens answers: ssh, the overlay's own ports, and OpenVPN's where
# the host serves it. From inside, a host that has access lists lets in what they say.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkDefault mkIf;

  cfg = config.services.simulacra.overlay;
  here = {
    plan = cfg.read;
    inherit (cfg) host;
  };
  outside = import ../../nix/firewall.nix here;
  access = import ../../nix/access.nix here;
in
{
  config = mkIf cfg.enable {
    networking.nftables.enable = mkDefault true;
    networking.firewall = {
      enable = true;
      allowedTCPPortRanges = outside.tcp;
      allowedUDPPortRanges = outside.udp;
      # Whom these let in the table below decides.
      trustedInterfaces = cfg.devices;
    };
    services.openssh = {
      enable = mkDefault true;
      openFirewall = false;
    };

    networking.nftables.tables.${access.table} = {
      family = "inet";
      content = access.chains;
    };
  };
}
