{
  description = "One person's machines, behaving as one computer";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    flake-parts.url = "github:hercules-ci/flake-parts";
    nixops4 = {
      url = "github:nixops4/nixops4";
      inputs.nixpkgs.follows = "nixpkgs";
      inputs.flake-parts.follows = "flake-parts";
    };
    nixops4-nixos = {
      url = "github:nixops4/nixops4-nixos";
      inputs.nixpkgs.follows = "nixpkgs";
      inputs.flake-parts.follows = "flake-parts";
      # Itself, as it says; said here too, the lock can be checked without fetching it.
      inputs.nixops4-nixos.follows = "nixops4-nixos";
    };
    sops-nix = {
      url = "github:Mic92/sops-nix";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    inputs@{ flake-parts, ... }:
    flake-parts.lib.mkFlake { inherit inputs; } {
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];

      imports = [
        ./hosts/flake/outputs.nix
        (import ./hosts/flake/network.nix inputs)
      ];

      # The worked example. A network of one's own is a flake of its own: see templates/network.
      simulacra = {
        hosts = ./hosts;
        module.imports = [
          ./hosts/modules/example.nix
          inputs.sops-nix.nixosModules.sops
        ];
      };
    };
}
