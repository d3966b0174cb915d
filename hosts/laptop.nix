# Behind NAT wherever it is; where UDP is blocked, it comes by OpenVPN.
{
  networking.wireless.iwd.enable = true;
  networking.useDHCP = true;

  services.simulacra = {
    settings.labels = [ "portable" ];
    overlay.openvpn = {
      certificate = "/var/lib/simulacra/openvpn.crt";
      key = "/var/lib/simulacra/openvpn.key";
    };
  };
}
