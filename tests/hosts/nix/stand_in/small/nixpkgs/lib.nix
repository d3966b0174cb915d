# The functions of nixpkgs' lib that are called before anything is a NixOS module.
let
  inherit (builtins) concatStringsSep listToAttrs map;

  # A type stands for itself: what it would check is checked where there is a nixpkgs.
  type = name: { inherit name; };
in
{
  inherit (builtins) mapAttrs;

  genAttrs =
    names: make:
    listToAttrs (
      map (name: {
        inherit name;
        value = make name;
      }) names
    );
  mapAttrs' = make: set: listToAttrs (map (name: make name set.${name}) (builtins.attrNames set));
  filterAttrs =
    wanted: set:
    removeAttrs set (builtins.filter (name: !wanted name set.${name}) (builtins.attrNames set));
  optionalString = condition: text: if condition then text else "";
  makeBinPath = packages: concatStringsSep ":" (map (package: "${package}/bin") packages);
  getExe = package: "${package}/bin/${package.meta.mainProgram}";
  importTOML = file: builtins.fromTOML (builtins.readFile file);

  mkOption = option: option // { _type = "option"; };
  mkDefault = value: value;
  mkIf = condition: value: if condition then value else { };
  literalExpression = text: text;
  types = {
    path = type "path";
    raw = type "raw";
    deferredModule = type "deferredModule";
  };
}
