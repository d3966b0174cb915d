# As much of nixpkgs as it takes to run what this flake has to run, where there is no nixpkgs.
{
  outputs =
    _:
    let
      lib = import ./lib.nix;
      packages = system: import ./packages.nix { inherit lib system; };
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
    in
    {
      _type = "flake";
      lib = lib // {
        nixosSystem = _: {
          config.system.build.toplevel = (packages "x86_64-linux").script "system" "exit 1";
        };
      };
      legacyPackages = lib.genAttrs systems packages;
    };
}
