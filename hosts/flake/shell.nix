# What one needs to work on Simulacra: its dependencies, and the programs that `make test` runs.
{
  mkShell,
  simulacra,
  gnumake,
  iproute2,
  nftables,
  nixops4,
  openvpn,
  python3,
  wireguard-go,
  wireguard-tools,
}:
mkShell {
  inputsFrom = [ simulacra ];
  packages = [
    gnumake
    iproute2
    nftables
    nixops4
    openvpn
    python3
    wireguard-go
    wireguard-tools
  ];
}
