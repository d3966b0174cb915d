# An old machine that speaks OpenVPN with a shared key alone.
{
  networking.useDHCP = true;

  services.simulacra.overlay.openvpn.sharedKeys.vm = "/run/secrets/vm.key";
}
