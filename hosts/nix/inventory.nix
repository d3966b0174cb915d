# What the inventory says of hosts, for as much as Nix asks: who is a node, and how to deploy to it.
# That it is right is checked when the plan is made of it.
{ inventory }:
let
  read = builtins.fromTOML (builtins.readFile inventory);

  complete =
    name: host:
    {
      kind = "node";
      system = "x86_64-linux";
      tags = [ ];
      ssh = null;
    }
    // host
    // (if host ? ssh then { ssh = access name host.ssh; } else { });

  access =
    name: ssh:
    {
      user = "root";
      port = 22;
      sudo = false;
      public_key = throw "${name} has no hosts.${name}.ssh.public_key in ${toString inventory}, so nobody could tell it from another host: `ssh-keyscan -t ed25519 ${ssh.host}` says it";
    }
    // ssh;

  select =
    wanted: hosts:
    builtins.listToAttrs (
      builtins.concatMap (
        name:
        if wanted hosts.${name} then
          [
            {
              inherit name;
              value = hosts.${name};
            }
          ]
        else
          [ ]
      ) (builtins.attrNames hosts)
    );
in
rec {
  hosts = builtins.mapAttrs complete read.hosts;

  # The hosts that have a NixOS configuration.
  nodes = select (host: host.kind == "node") hosts;

  # Those of them that a deploy reaches.
  deployed = select (host: host.ssh != null) nodes;
}
