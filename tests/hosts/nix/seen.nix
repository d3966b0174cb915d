# What Nix makes of a plan for each host that has a node: to be compared with what nodes make of it.
{
  library,
  inventory,
  plan,
}:
let
  read = import (library + "/plan.nix") { inherit inventory plan; };
  of = file: arguments: import (library + "/${file}.nix") ({ plan = read; } // arguments);
  secrets = {
    certificate = "/secrets/certificate";
    key = "/secrets/key";
    sharedKeys = builtins.mapAttrs (name: _: "/secrets/${name}.key") read.hosts;
  };
  openvpn =
    host:
    map (instance: instance // { config = instance.config "/clients"; }) (
      of "openvpn" ({ inherit host; } // secrets)
    );
in
builtins.mapAttrs (host: _: {
  wireguard = of "wireguard" { inherit host; };
  firewall = of "firewall" { inherit host; };
  access = of "access" { inherit host; };
  openvpn = openvpn host;
}) read.hosts
