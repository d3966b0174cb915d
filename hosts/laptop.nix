# Behind NAT wherever it is; where UDP is blocked, it comes by OpenVPN.
{
  networking.wireless.iwd.enable = true;
  networking.useDHCP = true;

  services.simulacra.settings.labels = [ "portable" ];
}
