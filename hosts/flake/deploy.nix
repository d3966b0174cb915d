# What `nix run .#deploy` runs: `simulacra hosts deploy`, with the NixOps4 that this flake has.
{
  writeShellApplication,
  nixops4,
  openssh,
  simulacra,
}:
writeShellApplication {
  name = "simulacra-deploy";
  runtimeInputs = [
    nixops4
    openssh
    simulacra
  ];
  text = ''
    exec simulacra hosts deploy "$@"
  '';
}
