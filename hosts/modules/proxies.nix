# What the proxies of devices need of the machine: that the node may open the devices held here, and
# that those in the network are found. A device that is listed is of the node's user alone.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkDefault mkEnableOption mkIf mkOption types;

  cfg = config.services.simulacra.proxies;
  user = config.services.simulacra.user;

  number = types.strMatching "[0-9a-f]{4}";

  device =
    { name, ... }:
    {
      options = {
        subsystem = mkOption {
          type = types.enum [
            "usb"
            "tty"
            "hidraw"
            "video4linux"
            "sound"
            "input"
            "usbmisc"
          ];
          default = "usb";
          description = "The kernel's subsystem that the device's file is of.";
        };
        vendor = mkOption {
          type = number;
          example = "04b8";
          description = "The USB vendor's number, as `lsusb` says it.";
        };
        product = mkOption {
          type = types.nullOr number;
          default = null;
          example = "0e15";
          description = "The product's number; null for all of the vendor.";
        };
        serial = mkOption {
          type = types.nullOr (types.strMatching "[A-Za-z0-9._:-]+");
          default = null;
          description = "The serial number, where there are several of a kind.";
        };
        link = mkOption {
          type = types.strMatching "[a-z0-9][a-z0-9-]*";
          default = name;
          description = "The device's name below `/dev/simulacra`.";
        };
      };
    };

  # A tty is a child of the USB device that has the numbers.
  match =
    each: attribute: value:
    lib.optional (value != null) (
      if each.subsystem == "usb" then
        ''ATTR{${attribute}}=="${value}"''
      else
        ''ATTRS{${attribute}}=="${value}"''
    );

  rule =
    each:
    lib.concatStringsSep ", " (
      [
        ''SUBSYSTEM=="${each.subsystem}"''
      ]
      ++ match each "idVendor" each.vendor
      ++ match each "idProduct" each.product
      ++ match each "serial" each.serial
      ++ [
        ''GROUP="${cfg.group}"''
        ''MODE="0660"''
        ''SYMLINK+="simulacra/${each.link}"''
      ]
    );
in
{
  options.services.simulacra.proxies = {
    enable = mkEnableOption "devices of this host and of its LAN for the network";

    group = mkOption {
      type = types.strMatching "[a-z_][a-z0-9_-]*";
      default = "simulacra-devices";
      description = "The group of the devices' files; the node's user is in it.";
    };

    devices = mkOption {
      type = types.attrsOf (types.submodule device);
      default = { };
      example = lib.literalExpression ''
        {
          scanner = { vendor = "04b8"; product = "0e15"; };
          thermometer = { subsystem = "tty"; vendor = "0403"; };
        }
      '';
      description = "USB devices that the node may open, by name.";
    };

    groups = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [
        "lp"
        "video"
      ];
      description = "Groups of the machine that the node's user is to be in, for other devices.";
    };

    discover = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether devices of the LAN are looked for by mDNS: Avahi runs, and publishes nothing. Its
        port is open to the interfaces of `discoverOn` alone.
      '';
    };

    discoverOn = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "enp3s0" ];
      description = "The interfaces on which they are looked for; none stated: none.";
    };
  };

  config = mkIf cfg.enable {
    assertions = [
      {
        assertion = config.services.simulacra.enable;
        message = "services.simulacra.proxies needs the node: services.simulacra.enable = true.";
      }
    ];

    users.groups.${cfg.group} = { };
    users.users.${user}.extraGroups = [ cfg.group ] ++ cfg.groups;

    services.udev.extraRules = lib.concatLines (map rule (lib.attrValues cfg.devices));

    services.avahi = mkIf (cfg.discover && cfg.discoverOn != [ ]) {
      enable = true;
      allowInterfaces = cfg.discoverOn;
      # Only where it looks, not on every interface.
      openFirewall = mkDefault false;
      publish.enable = mkDefault false;
    };
    networking.firewall.interfaces = mkIf cfg.discover (
      lib.genAttrs cfg.discoverOn (_: {
        allowedUDPPorts = [ 5353 ];
      })
    );
  };
}
