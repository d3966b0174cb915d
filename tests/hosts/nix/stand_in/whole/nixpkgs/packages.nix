# A package set for evaluating NixOS modules where of nixpkgs there is lib/ and nixos/ alone.
#
# A package is a derivation of its name that makes nothing. What is made by a builder is a derivation
# too, with all that the builder was given as its inputs: so everything that a system is made of is
# evaluated, and a change in any of it is a change of the system.
{
  lib,
  system,
  path,
}:
let
  listed = file: lib.splitString " " (lib.fileContents file);

  # What a derivation takes of what a builder may be given: no sets, no functions.
  plain =
    value:
    if builtins.isList value then
      map plain value
    else if builtins.isFunction value || builtins.isAttrs value && !(value ? outPath) then
      null
    else
      value;

  build =
    attributes:
    let
      name = attributes.name or "${attributes.pname}-${attributes.version or "99"}";
      made = derivation (
        {
          outputs = [ "out" ];
        }
        // lib.mapAttrs (_: plain) (removeAttrs attributes [ "passthru" "meta" "env" ])
        // attributes.env or { }
        // {
          inherit system;
          name = lib.strings.sanitizeDerivationName name;
          builder = "/bin/sh";
          args = [ "-c" "exit 1" ];
        }
      );
    in
    made
    // {
      inherit name;
      pname = attributes.pname or name;
      version = attributes.version or "99";
      meta = {
        mainProgram = attributes.pname or name;
      }
      // attributes.meta or { };
      passthru = attributes.passthru or { };
      override = _: build attributes;
      overrideAttrs = _: build attributes;
      withPackages = _: build attributes;
      shellPath = "/bin/${attributes.pname or name}";
    };

  package =
    pname:
    build {
      inherit pname;
      outputs = [ "out" "bin" "dev" "lib" "man" "doc" "info" "debug" "terminfo" "su" "p11kit" ];
    };

  # xorg.xauth is the package xauth in the set xorg.
  named =
    name:
    let
      steps = lib.splitString "." name;
    in
    lib.setAttrByPath steps (package (lib.last steps));

  text = name: content: build { inherit name content; };
  command = name: attributes: script: build (attributes // { inherit name script; });
  format = _: {
    type = with lib.types; attrsOf anything;
    generate = name: value: text name (builtins.toJSON value);
  };

  platform = lib.systems.elaborate system;

  own = rec {
    inherit lib path system;
    _type = "pkgs";
    config = { };
    overlays = [ ];
    appendOverlays = lib.foldl' (packages: overlay: packages // overlay packages packages) all;
    callPackage = lib.callPackageWith all;
    __splicedPackages = all;
    buildPackages = all;
    pkgsBuildBuild = all;
    pkgsi686Linux = all;
    pkgsStatic = all;

    stdenv = package "stdenv" // lib.filterAttrs (_: builtins.isBool) platform // {
      hostPlatform = platform;
      buildPlatform = platform;
      targetPlatform = platform;
      cc = package "cc" // {
        libc = package "libc";
        bintools.dynamicLinker = "/lib/ld.so";
      };
      mkDerivation = build;
    };
    stdenvNoCC = stdenv;
    testers.runNixOSTest =
      test:
      (import (path + "/nixos/lib") { inherit lib; }).runTest {
        imports = [ test ];
        hostPkgs = all;
      };
    mkShell = attributes: build ({ name = "shell"; } // attributes);

    writeText = text;
    writeScript = text;
    writeScriptBin = text;
    writeShellScript = text;
    writeShellScriptBin = text;
    writeTextDir = name: text (baseNameOf name);
    writeTextFile = build;
    writeShellApplication = build;
    runCommand = command;
    runCommandLocal = command;
    runCommandCC = command;
    buildEnv = build;
    symlinkJoin = build;
    srcOnly = lib.id;
    concatText = name: files: build { inherit name files; };
    makeDBusConf = attributes: build ({ name = "dbus-1"; } // attributes);
    substitute = attributes: build ({ name = "substituted"; } // attributes);
    substituteAll = attributes: build ({ name = baseNameOf attributes.src; } // attributes);
    formats = lib.genAttrs [ "ini" "json" "yaml" "toml" "keyValue" "systemd" ] (_: format);

    libxcrypt = package "libxcrypt" // {
      enabledCryptSchemeIds = [ "y" ];
    };
    linuxPackages = {
      inherit stdenv;
      kernel = package "linux" // {
        modDirVersion = "99";
        kernelOlder = lib.versionOlder "99";
        kernelAtLeast = lib.versionAtLeast "99";
        features.efiBootStub = true;
      };
      extend = _: linuxPackages;
    };
    python3 = package "python3" // {
      pkgs = lib.genAttrs (listed ./python-packages.txt) package // {
        buildPythonPackage = build;
        buildPythonApplication = build;
        fetchPypi = attributes: build (removeAttrs attributes [ "hash" ] // { content = attributes.hash; });
      };
    };
    systemd = package "systemd" // lib.genAttrs (listed ./systemd-features.txt) (_: true) // {
      interfaceVersion = 2;
      util-linux = package "util-linux";
      kmod = package "kmod";
      kbd = package "kbd";
    };
  };

  all = lib.foldl' lib.recursiveUpdate { } (map named (listed ./packages.txt)) // own;
in
all
