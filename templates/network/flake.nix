{
  description = "My machines";

  inputs = {
    # Where Simulacra is: a folder, or as `nix flake metadata` has it, such as github:OWNER/simulacra.
    simulacra.url = "path:/path/to/simulacra";
    nixpkgs.follows = "simulacra/nixpkgs";
    flake-parts.follows = "simulacra/flake-parts";
  };

  outputs =
    inputs@{ flake-parts, simulacra, ... }:
    flake-parts.lib.mkFlake { inherit inputs; } {
      # The machines that one deploys from.
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];

      imports = [ simulacra.flakeModules.network ];

      simulacra = {
        # inventory.toml, plan.json and a file for each host.
        hosts = ./hosts;
        # What all hosts have.
        module = ./all.nix;
      };
    };
}
