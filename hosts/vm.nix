# A rented machine, and the first relay; it serves OpenVPN on TCP port 443.
{
  boot.loader.systemd-boot.enable = true;
  boot.loader.efi.canTouchEfiVariables = false;

  networking.useDHCP = true;

  services.simulacra.overlay.openvpn = {
    certificate = "/var/lib/simulacra/openvpn.crt";
    key = "/run/secrets/openvpn.key";
    sharedKeys.attic = "/run/secrets/attic.key";
  };
}
