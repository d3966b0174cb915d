# Simulacra from pyproject.toml: what it depends on is read there, so that the two cannot differ.
{
  lib,
  python3,
  callPackage,
  # Programs that the command calls.
  openssh,
  rsync,
  sshfs,
}:
let
  inherit (python3.pkgs) buildPythonApplication setuptools;

  project = (lib.importTOML ../../pyproject.toml).project;
  own = callPackage ./python-packages.nix { };

  # Where nixpkgs calls them otherwise.
  renamed.apache-libcloud = "libcloud";

  # "pykka>=4.4,<4.6" is pykka.
  nameOf = requirement: lib.head (builtins.match "([A-Za-z0-9_-]+).*" requirement);
  packageOf =
    requirement:
    let
      name = nameOf requirement;
    in
    own.${name} or python3.pkgs.${renamed.${name} or name};

  # Modules, what they send to hosts, and the links by which the package has the folders beside it.
  sources = lib.fileset.fileFilter (
    file: lib.any file.hasExt [ "py" "sh" "typed" ] || file.type == "symlink"
  );
in
buildPythonApplication {
  pname = project.name;
  inherit (project) version;
  pyproject = true;

  src = lib.fileset.toSource {
    root = ../..;
    fileset = lib.fileset.unions [
      ../../pyproject.toml
      ../../README.md
      ../../LICENSE
      (sources ../../simulacra)
      (sources ../../actors)
      (sources ../../hosts)
      (sources ../../overlay)
    ];
  };

  build-system = [ setuptools ];
  dependencies = map packageOf (
    project.dependencies
    ++ lib.concatLists (lib.attrVals [ "hosts" "cloud" "overlay" ] project.optional-dependencies)
  );

  makeWrapperArgs = [
    "--suffix"
    "PATH"
    ":"
    (lib.makeBinPath [
      openssh
      rsync
      sshfs
    ])
  ];

  # The tests want root, network namespaces and sshd: `make test`.
  doCheck = false;
  pythonImportsCheck = [
    "simulacra"
    "simulacra.actors.node_process"
    "simulacra.overlay.plan"
  ];

  meta = {
    inherit (project) description;
    license = lib.licenses.mit;
    mainProgram = "simulacra";
    platforms = lib.platforms.linux;
  };
}
