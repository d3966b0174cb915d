# Where files are kept, and the second relay: the router sends it the ports of the overlay.
{
  networking.interfaces.enp2s0 = {
    useDHCP = true;
    wakeOnLan.enable = true;
  };

  fileSystems."/srv" = {
    device = "/dev/disk/by-label/srv";
    fsType = "ext4";
    options = [ "nofail" ];
  };

  services.simulacra.settings.labels = [ "storage" ];
}
