# The node of a host, as the service of the person whose machine it is: files, `make` and ssh are
# theirs. It runs from the machine's start on, whether they have logged in or not.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkDefault mkEnableOption mkIf mkOption types;

  cfg = config.services.simulacra;
  toml = pkgs.formats.toml { };
in
{
  options.services.simulacra = {
    enable = mkEnableOption "this host's node of Simulacra";

    user = mkOption {
      type = types.strMatching "[a-z_][a-z0-9_-]*";
      example = "ann";
      description = ''
        Whose machine it is. The node runs as this user, from the start of the machine on
        (they linger). The user is declared elsewhere, as in `users.users.ann.isNormalUser`.
      '';
    };

    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ../flake/package.nix { };
      defaultText = lib.literalMD "this flake's, built with the host's own nixpkgs";
      description = "The package of Simulacra.";
    };

    name = mkOption {
      type = types.strMatching "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
      default = config.networking.hostName;
      defaultText = lib.literalExpression "config.networking.hostName";
      description = "The host's name in the network, as in the inventory.";
    };

    settings = mkOption {
      type = types.submodule {
        freeformType = toml.type;
        options = {
          listen = mkOption {
            type = types.nullOr types.str;
            default = null;
            example = "10.44.80.3:7400";
            description = ''
              HOST:PORT where other nodes reach this one. Null: in the overlay the host's address
              there, and without the overlay from this machine only.
            '';
          };
          bulk_port = mkOption {
            type = types.nullOr types.port;
            default = null;
            example = 7403;
            description = ''
              Where others fetch files and states, at the same address. Null: the third port after
              that of `listen`, which the overlay's access lists let nodes come to.
            '';
          };
          join = mkOption {
            type = types.listOf types.str;
            default = [ ];
            example = [ "nas.local:7400" ];
            description = "HOST:PORT of nodes to meet first; with the overlay all others.";
          };
          zone = mkOption {
            type = types.str;
            default = "";
            example = "home";
            description = "What stands or falls with this host; with the overlay its zone there.";
          };
          labels = mkOption {
            type = types.listOf (types.strMatching "[a-z0-9][a-z0-9_.-]{0,31}");
            default = [ ];
            example = [ "gpu" ];
            description = "What the host is marked with, for computations that want that.";
          };
          log = mkOption {
            type = types.enum [
              "text"
              "json"
            ];
            default = "text";
            description = "How the node logs: a line or a JSON object an event.";
          };
        };
      };
      default = { };
      description = ''
        The machine's settings, `/etc/simulacra/simulacra.toml`. A person's own settings and
        variables go before them; a setting that is not known stops the node with its name.
      '';
    };

    maySleep = mkOption {
      type = types.bool;
      default = true;
      example = false;
      description = ''
        Whether the node may suspend this machine and switch it off, as `simulacra sleep` has it do.
        It runs without anybody sitting at the machine, so polkit has to be told. False for a machine
        that is never to sleep, or that has no polkit.
      '';
    };

    environment = mkOption {
      type = types.attrsOf types.str;
      default = { };
      example = {
        SIMULACRA_LABELS = "gpu";
      };
      description = "Variables of the node's environment. No secrets: the store is read by all.";
    };
  };

  config = mkIf cfg.enable {
    assertions = [
      {
        assertion = config.users.users.${cfg.user}.isNormalUser;
        message = "services.simulacra.user is ${cfg.user}, who is no person of this host: say users.users.${cfg.user}.isNormalUser = true.";
      }
    ];

    environment.systemPackages = [ cfg.package ];
    environment.etc."simulacra/simulacra.toml".source = toml.generate "simulacra.toml" (
      lib.filterAttrsRecursive (_: value: value != null) ({ inherit (cfg) name; } // cfg.settings)
    );

    users.users.${cfg.user}.linger = mkDefault true;

    security.polkit = mkIf cfg.maySleep {
      enable = true;
      extraConfig = import ../nix/polkit.nix { inherit (cfg) user; };
    };

    systemd.user.services.simulacra = {
      description = "Simulacra's node of this host";
      wantedBy = [ "default.target" ];
      unitConfig.ConditionUser = cfg.user;
      inherit (cfg) environment;
      # What a person's shell finds, computations find: their profile's programs, and make and git.
      path = [
        "/run/wrappers"
        "/etc/profiles/per-user/${cfg.user}"
        "/run/current-system/sw"
      ];
      serviceConfig = {
        ExecStart = "${lib.getExe' cfg.package "simulacra"} up";
        # Computations are in groups of their own below it, where their limits are set.
        Delegate = true;
        KillMode = "mixed";
        # Work leaves before the host does.
        TimeoutStopSec = 90;
        Restart = "on-failure";
        RestartSec = 2;
      };
      restartTriggers = [ config.environment.etc."simulacra/simulacra.toml".source ];
    };

    # NixOS starts no user's service anew when it switches; a node of the old version would stay.
    system.userActivationScripts.simulacra.text = ''
      if [ "$(id -un)" = ${lib.escapeShellArg cfg.user} ]; then
        unit=$(readlink -f /etc/systemd/user/simulacra.service)
        last="$XDG_RUNTIME_DIR/simulacra.unit"
        if [ -e "$last" ] && [ "$(cat "$last")" != "$unit" ]; then
          systemctl --user try-restart --no-block simulacra.service
        fi
        printf %s "$unit" >"$last"
      fi
    '';
  };
}
