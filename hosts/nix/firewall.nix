# What a host's firewall lets in from outside of the overlay, as ranges of ports of a protocol.
{
  plan,
  host,
}:
let
  of =
    protocol:
    map (each: {
      from = each.first;
      to = each.last;
    }) (builtins.filter (each: each.protocol == protocol) plan.hosts.${host}.outside);
in
{
  tcp = of "tcp";
  udp = of "udp";
}
