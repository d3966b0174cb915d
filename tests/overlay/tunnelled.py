"""Plans made by hand whose first host is a relay with an OpenVPN server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from simulacra.overlay.plan.document import HostPlan, OpenVpnServer, Plan
from tests.overlay.plans import made

PRINT: Final = ":".join(["AB"] * 32)
NETWORK: Final = "10.45.0.0/16"
OLD_PORT: Final = 11940


def tunnelled(
    names: Sequence[str],
    prints: Mapping[str, str],
    *,
    addresses: Mapping[str, str] | None = None,
    old: Sequence[str] = (),
    relay_print: str = PRINT,
    nat: Sequence[str] = (),
    keys: Mapping[str, str] | None = None,
) -> Plan:
    """A plan in which hosts with a fingerprint come to the first one, and old ones by a key.

    Args:
        names: the hosts; the first is the relay.
        prints: fingerprints of certificates by host.
        addresses: of the underlay.
        old: hosts without WireGuard.
        relay_print: the relay's fingerprint.
        nat: hosts that have no endpoint.
        keys: of WireGuard, by host.
    """
    addresses = addresses or {name: f"192.0.2.{n}" for n, name in enumerate(names, 1)}
    relay = names[0]
    keys = None if keys is None else {**keys, **dict.fromkeys(old, "")}
    plan = made(addresses, relays=[relay], nat=nat, keys=keys)
    inside = {name: f"10.45.0.{n}" for n, name in enumerate(names, 1)}
    ports = {name: OLD_PORT + n for n, name in enumerate(names, 1) if name in old}
    served = OpenVpnServer(
        443, NETWORK, inside[relay], {n: (p, inside[n]) for n, p in prints.items()}, ports
    )

    def part(name: str) -> HostPlan:
        mine = plan.hosts[name]
        peers = tuple(each for each in mine.peers if each.host not in old)
        clients = tuple(each for each in mine.clients if each.host not in old)
        if name == relay:
            return replace(mine, peers=peers, clients=clients, openvpn=served)
        port = ports.get(name, 443)
        way = {"openvpn": (f"{addresses[relay]}:{port}",), "inside": inside[relay]}
        known = {} if name in old else {"fingerprint": relay_print}
        relays = mine.relays
        if name in prints or name in old:
            relays = tuple(replace(each, **way, **known) for each in relays)  # type: ignore[arg-type]
        if name in old:
            return replace(mine, key="", peers=(), relays=relays)
        return replace(mine, peers=peers, relays=relays)

    return replace(plan, hosts={name: part(name) for name in names})
