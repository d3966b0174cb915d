# Packages that /bin/sh can build: a program is a script, what is not run is an empty file.
{ lib, system }:
let
  script =
    name: text:
    derivation {
      inherit name system text;
      builder = "/bin/sh";
      # Without coreutils: a shell makes folders only by what it finds on the machine.
      args = [
        "-c"
        ''
          PATH=/bin:/usr/bin
          mkdir -p $out/bin
          printf '%s\n' "$text" >$out/bin/$name
          chmod +x $out/bin/$name
        ''
      ];
    }
    // {
      meta.mainProgram = name;
    };

  all = rec {
    inherit lib script;

    # What a package wants and is not here is a program that fails.
    callPackage =
      file: arguments:
      let
        function = import file;
        found = builtins.mapAttrs (
          name: _: all.${name} or (script name "exit 1")
        ) (builtins.functionArgs function);
      in
      function (found // arguments);

    mkShell = _: script "shell" "exit 1";
    testers.runNixOSTest = test: script test.name "exit 1";

    # What it depends on is not looked at; it runs what the test says.
    python3.pkgs = {
      buildPythonApplication = arguments: script arguments.pname "exec \"$SIMULACRA_RUNS\" \"$@\"";
    };

    writeShellApplication =
      {
        name,
        runtimeInputs,
        text,
      }:
      script name ''
        #!/bin/sh
        PATH=${lib.makeBinPath runtimeInputs}:$PATH
        ${text}'';
  };
in
all
