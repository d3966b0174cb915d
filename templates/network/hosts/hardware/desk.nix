# To be replaced by what nixos-generate-config writes on the machine:
# /etc/nixos/hardware-configuration.nix and the loader from /etc/nixos/configuration.nix.
{
  fileSystems."/" = {
    device = "/dev/disk/by-label/nixos";
    fsType = "ext4";
  };
  fileSystems."/boot" = {
    device = "/dev/disk/by-label/boot";
    fsType = "vfat";
  };
  boot.loader.systemd-boot.enable = true;
}
