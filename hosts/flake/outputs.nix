# What this flake gives to others: the package, the NixOS modules, the module for flakes of networks
# and the template of one; and its checks and its shell.
{ self, inputs, ... }:
{
  flake = {
    nixosModules = rec {
      simulacra.imports = [ ../modules/simulacra.nix ];
      overlay.imports = [ ../modules/overlay ];
      proxies.imports = [ ../modules/proxies.nix ];
      default.imports = [
        simulacra
        overlay
        proxies
      ];
    };

    flakeModules.network = import ./network.nix inputs;

    templates.network = {
      path = ../../templates/network;
      description = "A network of one's own: an inventory, a file for each host, nix run .#deploy";
      welcomeText = ''
        Tell the inventory of your machines: `hosts/inventory.toml`; then `README.md` has the rest.
      '';
    };
    templates.default = self.templates.network;
  };

  perSystem =
    { pkgs, system, ... }:
    let
      simulacra = pkgs.callPackage ./package.nix { };
    in
    {
      packages = {
        inherit simulacra;
        default = simulacra;
      };

      devShells.default = pkgs.callPackage ./shell.nix {
        inherit simulacra;
        nixops4 = inputs.nixops4.packages.${system}.default;
      };

      checks = import ./checks { inherit (pkgs) testers; };
    };
}
