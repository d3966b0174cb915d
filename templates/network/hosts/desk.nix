{
  imports = [ ./hardware/desk.nix ];

  networking.useDHCP = true;
}
