# A rented machine, and the first relay; it serves OpenVPN on TCP port 443.
{
  boot.loader.systemd-boot.enable = true;
  boot.loader.efi.canTouchEfiVariables = false;

  networking.useDHCP = true;

  # The key that it shares with the old machine comes from elsewhere.
  services.simulacra.overlay.openvpn.sharedKeys.attic = "/run/secrets/attic.key";
}
