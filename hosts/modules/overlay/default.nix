# A host's part of the overlay, as the plan says: WireGuard's devices, OpenVPN where UDP is blocked,
# the firewall, names, and the helper by which the node changes what has to change.
{
  imports = [
    ./options.nix
    ./wireguard.nix
    ./openvpn.nix
    ./firewall.nix
    ./names.nix
    ./helper.nix
    ./node.nix
  ];
}
