# As much of flake-parts as it takes where there is no module system: modules are functions of their
# arguments or sets, options have their defaults, sets are put together.
{
  outputs =
    _:
    let
      inherit (builtins) isAttrs isFunction foldl' mapAttrs concatMap;

      merge =
        one: other:
        one
        // mapAttrs (
          name: value:
          if isAttrs value && isAttrs (one.${name} or null) && !(value ? outPath) then
            merge one.${name} value
          else
            value
        ) other;
      together = foldl' merge { };

      defaults =
        options:
        mapAttrs (_: each: if each._type or "" == "option" then each.default or null else defaults each) options;

      mkFlake =
        { inputs }:
        root:
        let
          lib = inputs.nixpkgs.lib;
          arguments = {
            inherit config inputs lib;
            inherit (inputs) self;
          };
          collect =
            module:
            let
              read = if isFunction module || isAttrs module then module else import module;
              said = if isFunction read then read arguments else read;
            in
            concatMap collect (said.imports or [ ]) ++ [ said ];
          modules = collect root;
          settings = map (each: each.config or (removeAttrs each [ "imports" "options" ])) modules;
          config = together (
            map (each: defaults (each.options or { })) modules
            ++ map (each: removeAttrs each [ "perSystem" ]) settings
          );

          parts = concatMap (each: if each ? perSystem then [ each.perSystem ] else [ ]) settings;
          of =
            system:
            together (
              map (
                part:
                part {
                  inherit system;
                  pkgs = inputs.nixpkgs.legacyPackages.${system};
                }
              ) parts
            );
          output = name: lib.genAttrs config.systems (system: (of system).${name} or { });
        in
        config.flake
        // lib.genAttrs [
          "apps"
          "packages"
          "checks"
          "devShells"
        ] output;
    in
    {
      lib.mkFlake = mkFlake;
    };
}
