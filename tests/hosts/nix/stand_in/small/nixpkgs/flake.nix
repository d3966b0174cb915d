# As much of nixpkgs as it takes to run what this flake has to run, where there is no nixpkgs.
{
  outputs =
    _:
    let
      lib = import ./lib.nix;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
    in
    {
      _type = "flake";
      lib = lib // {
        nixosSystem = arguments: arguments;
      };
      legacyPackages = lib.genAttrs systems (system: import ./packages.nix { inherit lib system; });
    };
}
