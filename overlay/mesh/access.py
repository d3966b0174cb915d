"""Who may open connections to a host, as a ruleset of nftables. Pure: a plan in, a text out.

- From the overlay comes in what the plan lets in from there, and what belongs to connections that
  are open; a host without a list lets in all of the overlay, but nobody who only claims to be it.
- What is for the overlay's addresses comes in by the overlay, and by no other device.
- Nothing is forwarded from the overlay to elsewhere, or from elsewhere to it. Where a relay
  forwards within it, phones reach what is exposed to them, and nobody is first to speak to them.
- Inside a relay's OpenVPN there is WireGuard to the relay, and nothing else.
- Where that is asked for, from outside of the overlay only what the plan opens comes in.

The text replaces the table that was there before, at one stroke.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from typing import Final

from simulacra.overlay.plan.document import HostPlan, Opening, Plan

TABLE: Final = "simulacra_access"
DEVICES: Final = '"sim*"'
"""The overlay's devices: those for peers and relays, and those of hosts with a shared key."""

_PRIORITY: Final = "filter - 5"
_PROTOCOLS: Final = ("tcp", "udp")
_MAX_PORT: Final = 65535
_NEIGHBOURS: Final = "nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert"


def ruleset(plan: Plan, host: str, *, outside: bool = False) -> str:
    """What ``nft -f`` is given on a host.

    Args:
        plan: the plan.
        host: the host's name in it.
        outside: whether to guard what is outside of the overlay as well; else that is left to
            whatever firewall the host has.

    Raises:
        KeyError: the plan has no such host.
        ValueError: an address, a port or a protocol in the plan is none.
    """
    part = plan.hosts[host]
    chains = [
        _chain("input", _input(plan, part, outside=outside), "input"),
        _chain("overlay", _overlay(part)),
        _chain("forward", _forward(), "forward"),
        _chain("relayed", _relayed(plan, part)),
    ]
    body = "\n".join(chains)
    return f"table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n{body}\n}}\n"


def none() -> str:
    """What ``nft -f`` is given on a host that has left: nothing of it stays."""
    return f"table inet {TABLE}\ndelete table inet {TABLE}\n"


def _chain(name: str, rules: Iterable[str], hook: str = "") -> str:
    kind = f"type filter hook {hook} priority {_PRIORITY}; policy accept;"
    lines = [kind] if hook else []
    lines += rules
    return f"  chain {name} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }"


def _input(plan: Plan, part: HostPlan, *, outside: bool) -> Iterator[str]:
    yield 'iifname "lo" accept'
    yield from _tunnel(part)
    yield f"iifname {DEVICES} jump overlay"
    # Whoever is not in the overlay has none of its addresses, and comes to none, at which nodes
    # listen: of itself Linux takes in what is for any address of its own by any device.
    yield from (f"{_from([network])} drop" for network in (plan.ipv4, plan.ipv6))
    yield from (f"{_to([network])} drop" for network in (plan.ipv4, plan.ipv6))
    if outside:
        yield "ct state { established, related } accept"
        yield "meta l4proto icmp accept"
        yield f"icmpv6 type {{ echo-request, {_NEIGHBOURS} }} accept"
        # An address of a LAN by DHCP, version 6: the answer comes from another address.
        yield "udp sport 547 udp dport 546 accept"
        yield from (f"{_ports(each)} accept" for each in part.outside)
        yield "counter drop"


def _tunnel(part: HostPlan) -> Iterator[str]:
    if part.openvpn is None:
        return
    network = _from([part.openvpn.network])
    yield f"{network} udp dport {_port(part.port + 1)} accept"
    yield f"{network} ct state {{ established, related }} accept"
    yield f"{network} drop"


def _overlay(part: HostPlan) -> Iterator[str]:
    if part.inside is None:
        yield "accept"
        return
    yield "ct state { established, related } accept"
    yield "ct state invalid drop"
    yield "meta l4proto { icmp, ipv6-icmp } accept"
    for opening in part.inside:
        for family in (4, 6):
            sources = [each for each in opening.sources if ip_address(each).version == family]
            if sources:
                yield f"{_from(sources)} {_ports(opening)} accept"
    yield "counter drop"


def _forward() -> Iterator[str]:
    # Not a jump, which would come back to what drops the rest.
    yield f"iifname {DEVICES} oifname {DEVICES} goto relayed"
    yield f"iifname {DEVICES} counter drop"
    yield f"oifname {DEVICES} counter drop"


def _relayed(plan: Plan, part: HostPlan) -> Iterator[str]:
    phones = [name for name, other in plan.hosts.items() if other.kind == "phone"]
    exposed = {each.host: each.reaches or () for each in part.clients}
    own = [a for name in phones for a in (plan.hosts[name].ipv4, plan.hosts[name].ipv6)]
    if not phones:
        return
    yield "ct state { established, related } accept"
    for name in phones:
        other = plan.hosts[name]
        for address in (other.ipv4, other.ipv6):
            reached = _of_family(exposed.get(name, ()), address)
            if reached:
                yield f"{_from([address])} {_to(reached)} accept"
    for family in (4, 6):
        these = [each for each in own if ip_address(each).version == family]
        yield f"{_from(these)} counter drop"
        yield f"{_to(these)} counter drop"


def _of_family(networks: Iterable[str], address: str) -> list[str]:
    version = ip_address(address).version
    return [each for each in networks if ip_network(each).version == version]


def _from(networks: list[str]) -> str:
    return f"{_family(networks)} saddr {_set(networks)}"


def _to(networks: list[str]) -> str:
    return f"{_family(networks)} daddr {_set(networks)}"


def _family(networks: list[str]) -> str:
    return "ip" if ip_network(networks[0]).version == 4 else "ip6"  # noqa: PLR2004 (of IP)


def _set(networks: list[str]) -> str:
    """Addresses as nft takes them; read first, so that no other text can come in."""
    return "{ " + ", ".join(str(ip_network(each)) for each in networks) + " }"


def _ports(opening: Opening) -> str:
    if opening.protocol not in _PROTOCOLS:
        raise ValueError(f"{opening.protocol!r} is no protocol that has ports")
    first, last = _port(opening.first), _port(opening.last)
    return f"{opening.protocol} dport {first if first == last else f'{first}-{last}'}"


def _port(number: int) -> int:
    if not 0 < number <= _MAX_PORT:
        raise ValueError(f"{number} is no port")
    return number
