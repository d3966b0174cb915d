# The module for flake-parts that makes everything of one folder of hosts: their NixOS
# configurations, the root that NixOps4 applies, and `nix run .#deploy`.
#
# The folder has inventory.toml, plan.json and a NAME.nix for each host that is a node.
#
# It is given the inputs of the flake that it is from.
{
  nixops4,
  nixops4-nixos,
  nixpkgs,
  ...
}:
{
  config,
  lib,
  inputs,
  ...
}:
let
  inherit (lib) mkOption types;

  cfg = config.simulacra;
  hosts = import ../nix/inventory.nix { inventory = cfg.hosts + "/inventory.toml"; };

  # What makes a host of the inventory: the same for the one that is built here and for NixOps4's.
  hostModule = name: host: {
    imports = [
      ../modules/simulacra.nix
      ../modules/overlay
      ../modules/proxies.nix
      ../modules/tried.nix
      cfg.module
      (cfg.hosts + "/${name}.nix")
    ];
    networking.hostName = name;
    nixpkgs.hostPlatform = lib.mkDefault host.system;
    # Who deploys copies what no cache has signed.
    nix.settings.trusted-users = lib.mkIf (host.ssh != null && host.ssh.user != "root") [ host.ssh.user ];
    # The port that the plan opens, and that a deploy comes to.
    services.openssh.ports = lib.mkIf (host.ssh != null) (lib.mkDefault [ host.ssh.port ]);
    services.simulacra = {
      enable = lib.mkDefault true;
      overlay = {
        enable = lib.mkDefault true;
        inventory = cfg.hosts + "/inventory.toml";
        plan = cfg.hosts + "/plan.json";
      };
    };
  };

  configuration =
    name: host:
    cfg.nixpkgs.lib.nixosSystem {
      modules = [
        (hostModule name host)
        # As NixOps4 has it, so that what runs can be compared with what is evaluated.
        nixops4-nixos.modules.nixos.apply
      ];
    };

  root =
    { providers, ... }:
    {
      # At the root, where `nix flake check` finds it.
      providers.local = nixops4.modules.nixops4Provider.local;
      members = lib.mapAttrs (member providers) hosts.deployed;
    };

  # A composite of one resource: `nixops4 apply HOST` takes no path of a resource.
  member = providers: name: host: {
    members.nixos = {
      imports = [ nixops4-nixos.modules.nixops4Component.nixos ];
      type = providers.local.exec;
      inherit (cfg) nixpkgs;
      nixos.module = hostModule name host;
      ssh = {
        inherit (host.ssh) host user;
        hostPublicKey = host.ssh.public_key;
        # So that a host that goes down is noticed: midway ssh alone takes a quarter of an hour for it,
        # and two minutes where it was not connected yet.
        opts =
          "-o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=6"
          + lib.optionalString (host.ssh.port != 22) " -o Port=${toString host.ssh.port}";
      };
      sudo.enable = host.ssh.sudo;
    };
  };
in
{
  imports = [ nixops4.modules.flake.default ];

  options.simulacra = {
    hosts = mkOption {
      type = types.path;
      example = lib.literalExpression "./hosts";
      description = "The folder of the inventory, its plan, and a NAME.nix for each node.";
    };

    module = mkOption {
      type = types.deferredModule;
      default = { };
      description = "NixOS configuration that all hosts have.";
    };

    nixpkgs = mkOption {
      type = types.raw;
      default = inputs.nixpkgs or nixpkgs;
      defaultText = lib.literalExpression "inputs.nixpkgs";
      description = "The nixpkgs that hosts are made of.";
    };
  };

  config = {
    flake.nixosConfigurations = lib.mapAttrs configuration hosts.nodes;

    nixops4 = root;

    perSystem =
      { pkgs, system, ... }:
      let
        simulacra = pkgs.callPackage ./package.nix { };
        deploy = pkgs.callPackage ./deploy.nix {
          inherit simulacra;
          nixops4 = nixops4.packages.${system}.default;
        };
        app = package: description: {
          type = "app";
          program = lib.getExe package;
          meta = { inherit description; };
        };
      in
      {
        apps = {
          deploy = app deploy "Roll hosts out: nix run .#deploy [-- HOST|@TAG ...]";
          simulacra = app simulacra "The command: nix run .#simulacra -- hosts plan";
        };

        # Each host that can be built here, so that `nix flake check` says what a deploy would.
        checks = lib.mapAttrs' (name: host: {
          name = "host-${name}";
          value = host.config.system.build.toplevel;
        }) (lib.filterAttrs (name: _: hosts.nodes.${name}.system == system) config.flake.nixosConfigurations);
      };
  };
}
