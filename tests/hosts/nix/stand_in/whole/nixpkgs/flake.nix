# nixpkgs out of a tree at SIMULACRA_NIXPKGS that has lib/ and nixos/, and perhaps no packages.
{
  outputs =
    _:
    let
      path = /. + builtins.getEnv "SIMULACRA_NIXPKGS";
      lib = import (path + "/lib");
      whole = builtins.pathExists (path + "/pkgs/top-level/default.nix");
      packages =
        system:
        if whole then
          import path { inherit system; }
        else
          import ./packages.nix { inherit lib path system; };

      # Where packages are stand-ins there is no kernel, and a host is evaluated as a container is.
      container = {
        boot.isContainer = lib.mkForce true;
        networking.useHostResolvConf = false;
        documentation.enable = false;
        fonts.fontconfig.enable = false;
        system.nixos.revision = null;
      };

      nixosSystem =
        { modules, ... }@arguments:
        import (path + "/nixos/lib/eval-config.nix") (
          {
            inherit lib;
            system = null;
          }
          // arguments
          // {
            modules = modules ++ lib.optionals (!whole) [
              container
              ({ config, ... }: { nixpkgs.pkgs = packages config.nixpkgs.hostPlatform.system; })
            ];
          }
        );
    in
    {
      _type = "flake";
      lib = lib // {
        inherit nixosSystem;
      };
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] packages;
    };
}
