# What NixOps4 switches a host by, made to try a system first: see ../nix/tried.sh.
{ lib, pkgs, ... }:
{
  # After the one of nixops4-nixos, which is added with mkAfter.
  system.activatableSystemBuilderCommands = lib.mkOrder 2000 (
    import ../nix/tried.nix { shell = lib.getExe pkgs.bash; }
  );
}
