# NixOps4 as far as it is asked here: a program that says how it was called, and the option that the
# root is told by, which is given out as it is.
{
  inputs.nixpkgs.url = "nixpkgs";

  outputs =
    { nixpkgs, ... }:
    {
      modules.flake.default = { config, ... }: { config.flake.nixops4 = config.nixops4; };
      modules.nixops4Provider.local = { };
      packages = builtins.mapAttrs (_: pkgs: {
        default = pkgs.script "nixops4" ''
          #!/bin/sh
          echo "nixops4 of the flake: $*"'';
      }) nixpkgs.legacyPackages;
    };
}
