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
    inherit lib system;
    callPackage =
      file: arguments:
      let
        function = import file;
        wanted = builtins.intersectAttrs (builtins.functionArgs function) all;
      in
      function (wanted // arguments);

    openssh = script "ssh" "exit 1";
    rsync = script "rsync" "exit 1";
    sshfs = script "sshfs" "exit 1";

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

    inherit script;
  };
in
all
