{
  # Systems that are to NixOS's as far as a deploy can see: a switch-to-configuration, a bin/apply.
  outputs =
    _:
    let
      system =
        name: told:
        derivation {
          name = "nixos-system-${name}-${told.version}";
          system = "x86_64-linux";
          builder = "/bin/sh";
          PATH = "/usr/bin:/bin";
          switch = builtins.readFile ./switch-to-configuration;
          apply = builtins.readFile ./apply;
          # As hosts/modules/tried.nix has it of a real system.
          tried = if told.tries then import ./tried.nix { shell = "/bin/sh"; } else "";
          inherit (told) version early late boot;
          args = [
            "-euc"
            ''
              mkdir -p $out/bin
              printf '%s' "$version" >$out/version
              printf '%s' "$early" >$out/early
              printf '%s' "$late" >$out/late
              printf '%s' "$boot" >$out/boot
              printf '%s' "$switch" | sed "s|@out@|$out|g" >$out/bin/switch-to-configuration
              printf '%s' "$apply" | sed "s|@out@|$out|g" >$out/bin/apply
              chmod +x $out/bin/*
              eval "$tried"
            ''
          ];
        };
      told = builtins.fromJSON (builtins.readFile ./systems.json);
    in
    {
      nixosConfigurations = builtins.mapAttrs (name: each: {
        config.system.build.toplevel =
          if each.version == "broken" then throw "the option services.nonsense does not exist" else system name each;
      }) told;
    };
}
