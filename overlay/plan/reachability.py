"""Which hosts reach which by a plan, and how: what is measured is held against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from simulacra.overlay.plan.document import HostPlan, Plan


class Way(StrEnum):
    """How one host reaches another.

    A punched way may fail where the NATs are strict; then relays are used, if there are any.
    """

    DIRECT = "direct"
    PUNCHED = "punched"
    RELAYED = "relayed"
    NONE = "none"


@dataclass(frozen=True)
class Reach:
    """What a plan says of one host's way to another.

    Attributes:
        relays: first relays of ways that lead there over relays, by number.
    """

    way: Way
    relays: tuple[str, ...] = ()


def reach(plan: Plan, host: str, other: str) -> Reach:
    """How a host reaches another one."""
    mine, theirs = plan.hosts[host], plan.hosts[other]
    if not _lets(mine, theirs, plan, host):
        return Reach(Way.NONE)
    relays = _first_relays(plan, host, other)
    peer = next((each for each in mine.peers if each.host == other), None)
    if peer is not None:
        return Reach(Way.PUNCHED if peer.punched else Way.DIRECT, relays)
    return Reach(Way.RELAYED if relays else Way.NONE, relays)


def matrix(plan: Plan) -> dict[tuple[str, str], Reach]:
    """How each host reaches each other one."""
    return {(a, b): reach(plan, a, b) for a in plan.hosts for b in plan.hosts if a != b}


def uncertain(plan: Plan) -> Iterator[tuple[str, str]]:
    """The pairs of hosts that reach each other only where punching works."""
    for (a, b), found in matrix(plan).items():
        if a < b and found.way is Way.PUNCHED and not found.relays:
            yield a, b


def _first_relays(plan: Plan, host: str, other: str) -> tuple[str, ...]:
    """The relays at which ways to another host may begin: relays reach each other."""
    if not _served(plan, other):
        return ()
    if plan.hosts[host].clients:
        # A relay is its own first one, where the other is its client or another relay's.
        others = tuple(each.host for each in plan.hosts[host].relays)
        return (host, *others)
    return tuple(each.host for each in plan.hosts[host].relays)


def _served(plan: Plan, host: str) -> bool:
    """Whether some relay reaches a host."""
    part = plan.hosts[host]
    return bool(part.relays or part.clients)


def _lets(mine: HostPlan, theirs: HostPlan, plan: Plan, host: str) -> bool:
    """Whether the first packet may come from this side; phones are answered only."""
    if theirs.kind == "phone":
        return False
    if mine.kind != "phone":
        return True
    return any(
        f"{theirs.ipv4}/32" in (client.reaches or ())
        for part in plan.hosts.values()
        for client in part.clients
        if client.host == host
    )
