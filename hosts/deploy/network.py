"""What a deploy must know of the overlay: who is a relay, and who needs one. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.reachability import Way, reach


@dataclass(frozen=True)
class Overlay:
    """The overlay, as far as an order of waves depends on it.

    Attributes:
        relays: hosts that forward for others.
        dependants: nodes that reach some other node by way of a relay alone, or only where a hole
            can be punched.
    """

    relays: frozenset[str]
    dependants: frozenset[str]


def of(plan: Plan) -> Overlay:
    """Return what a plan says of it."""
    relays = frozenset(relay.host for host in plan.hosts.values() for relay in host.relays)
    nodes = members(plan)
    needy = {
        name
        for name in nodes - relays
        if any(reach(plan, name, other).way is not Way.DIRECT for other in nodes - {name})
    }
    return Overlay(relays, frozenset(needy) if relays else frozenset())


def members(plan: Plan) -> frozenset[str]:
    """Return the nodes that are in the overlay: those that have made a key, or need none."""
    servers = [host.openvpn for host in plan.hosts.values() if host.openvpn is not None]
    shared = {name for server in servers for name in server.shared}
    return frozenset(
        name
        for name, host in plan.hosts.items()
        if host.kind == "node" and (host.key or name in shared)
    )


def is_alone(plan: Plan, name: str) -> bool:
    """Whether a host reaches nobody, in any way, though there is somebody."""
    others = members(plan) - {name}
    return bool(others) and all(reach(plan, name, other).way is Way.NONE for other in others)
