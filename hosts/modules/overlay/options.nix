{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkEnableOption mkOption types;

  cfg = config.services.simulacra.overlay;

  # A string, so that Nix never copies the file into the store, where everybody may read it.
  secretPath = types.addCheck types.str (
    value: builtins.match "/.*" value != null && !lib.hasPrefix builtins.storeDir value
  ) // {
    description = "path of a file on the host, as a string and outside of the store";
  };
in
{
  options.services.simulacra.overlay = {
    enable = mkEnableOption "the overlay between the hosts of the network";

    inventory = mkOption {
      type = types.path;
      example = lib.literalExpression "./hosts/inventory.toml";
      description = "The inventory, which has no secrets.";
    };

    plan = mkOption {
      type = types.path;
      example = lib.literalExpression "./hosts/plan.json";
      description = ''
        What `simulacra hosts plan` made of the inventory. A plan of another inventory than that
        of `inventory` is refused.
      '';
    };

    host = mkOption {
      type = types.str;
      default = config.services.simulacra.name;
      defaultText = lib.literalExpression "config.services.simulacra.name";
      description = "Which host of the plan this one is.";
    };

    stateDirectory = mkOption {
      type = types.strMatching "[a-z0-9][a-z0-9-]*";
      default = "simulacra";
      description = ''
        Where below `/var/lib` the host's private key lies. It is made on the host, and never
        leaves it.
      '';
    };

    group = mkOption {
      type = types.strMatching "[a-z_][a-z0-9_-]*";
      default = "simulacra-overlay";
      description = "Whose members may reach the helper's socket; the node's user is one.";
    };

    openvpn = {
      certificate = mkOption {
        type = types.nullOr secretPath;
        default = null;
        example = "/var/lib/simulacra/openvpn.crt";
        description = ''
          The host's certificate for OpenVPN, its common name being the host's. The inventory
          states its fingerprint.
        '';
      };
      key = mkOption {
        type = types.nullOr secretPath;
        default = null;
        example = "/run/secrets/openvpn.key";
        description = "The private key of that certificate.";
      };
      sharedKeys = mkOption {
        type = types.attrsOf secretPath;
        default = { };
        example = {
          attic = "/run/secrets/attic.key";
        };
        description = ''
          By the host at the other end: the key that both share, of hosts too old for WireGuard
          and for OpenVPN with certificates.
        '';
      };
    };

    devices = mkOption {
      type = types.listOf types.str;
      internal = true;
      description = "The devices that the overlay's own packets come in by.";
    };

    read = mkOption {
      type = types.raw;
      internal = true;
      readOnly = true;
      description = "The plan as it was read.";
    };
  };

  config.services.simulacra.overlay.read =
    let
      plan = import ../../nix/plan.nix { inherit (cfg) inventory plan; };
    in
    if plan.hosts ? ${cfg.host} then
      plan
    else
      throw "${toString cfg.plan} knows no host ${cfg.host}: `simulacra hosts add ${cfg.host}`, or name it by services.simulacra.overlay.host";
}
