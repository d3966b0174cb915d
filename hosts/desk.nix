# A desktop with a scanner, which the network may use; it is woken by its network card.
{
  networking.interfaces.enp3s0 = {
    useDHCP = true;
    wakeOnLan.enable = true;
  };

  services.simulacra.proxies = {
    enable = true;
    discoverOn = [ "enp3s0" ];
    groups = [
      "audio"
      "video"
    ];
    devices.scanner = {
      vendor = "04b8";
      product = "0e15";
    };
  };
}
