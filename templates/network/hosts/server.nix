# What nixos-generate-config wrote on this machine: its disks, its loader, its modules.
{
  imports = [ ./hardware/server.nix ];

  networking.useDHCP = true;
}
