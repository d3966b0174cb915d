# What all hosts of the worked example have: a disk, something that starts them, and their person.
{ lib, ... }:
{
  fileSystems = {
    "/" = {
      device = "/dev/disk/by-label/nixos";
      fsType = "ext4";
    };
    "/boot" = {
      device = "/dev/disk/by-label/boot";
      fsType = "vfat";
    };
  };
  boot.loader.systemd-boot.enable = lib.mkDefault true;

  networking.useNetworkd = lib.mkDefault true;

  services.simulacra.user = "ann";
  users.users.ann = {
    isNormalUser = true;
    description = "Ann";
    extraGroups = [ "wheel" ];
    openssh.authorizedKeys.keys = [
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDwIfXvjfRUfAZQVd4mG6n0gL3C2r7nQ6HyqLzYvXq0B ann@laptop"
    ];
  };
  users.users.root.openssh.authorizedKeys.keys = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDwIfXvjfRUfAZQVd4mG6n0gL3C2r7nQ6HyqLzYvXq0B ann@laptop"
  ];
  security.sudo.wheelNeedsPassword = false;
  services.openssh.settings.PasswordAuthentication = false;

  system.stateVersion = "26.05";
}
