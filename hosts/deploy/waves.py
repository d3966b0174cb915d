"""In which order hosts are rolled out. Pure.

One host goes first and alone, the canary; then waves of one, two, four and so on, up to a size. A
relay has a wave of its own after the hosts that are none, since others reach each other by it, and
the host that one sits at comes last, since whatever went wrong before would be mended from there.
The next wave begins when all of the last are well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from simulacra.hosts.deploy.network import Overlay, of
from simulacra.hosts.deploy.refusing import Refusal
from simulacra.overlay.plan.document import Plan

SIZE: Final = 8
"""How many hosts a wave has at most, unless told otherwise."""


@dataclass(frozen=True)
class Wishes:
    """How the user wants it.

    Attributes:
        canary: the host that goes first; empty to have one chosen.
        size: of a wave, at most; at least 1.
        at_once: all in one wave, without a canary.
    """

    canary: str = ""
    size: int = SIZE
    at_once: bool = False


@dataclass(frozen=True)
class Wave:
    """Hosts that are rolled out beside each other.

    Attributes:
        why: what it is a wave of its own for.
    """

    hosts: tuple[str, ...]
    why: str


def waves(
    hosts: Sequence[str], overlay: Overlay, here: str, wishes: Wishes = Wishes()
) -> tuple[Wave, ...]:
    """Put hosts into waves; every host is in one of them, and only there.

    Args:
        hosts: to be rolled out, each once.
        overlay: who is a relay.
        here: the host that one sits at; empty where that is none of the network's.
        wishes: the user's. A canary among them is one of the hosts.
    """
    if not hosts:
        return ()
    if wishes.at_once:
        return (Wave(tuple(hosts), "all at once, as told"),)
    first = wishes.canary or _canary(hosts, overlay, here)
    rest = [host for host in hosts if host not in {first, here} and host not in overlay.relays]
    relays = [host for host in hosts if host in overlay.relays and host not in {first, here}]
    made = [Wave((first,), "the canary" if hosts[1:] else "alone")]
    size = 1
    while rest:
        made.append(Wave(tuple(rest[:size]), "after the canary"))
        rest, size = rest[size:], min(2 * size, wishes.size)
    made += [Wave((relay,), "a relay, by which others are reached") for relay in relays]
    if here in hosts and here != first:
        made.append(Wave((here,), "the host you sit at"))
    return tuple(made)


def _canary(hosts: Sequence[str], overlay: Overlay, here: str) -> str:
    """The host whose loss would be felt least: no relay, and not where one sits."""
    return min(hosts, key=lambda host: (host == here, host in overlay.relays))


def refusals(
    made: Sequence[Wave],
    selected: Collection[str],
    plan: Plan,
    wishes: Wishes,
    *,
    fixed: Collection[str] = (),
) -> list[Refusal]:
    """Say what speaks against the waves, before anything is changed.

    Args:
        made: the waves.
        selected: the hosts that they are made of.
        plan: of the overlay, as it will be.
        wishes: the user's.
        fixed: hosts that are never deployed to.
    """
    return [*_canaries(selected, plan, wishes), *_without_relays(made, of(plan), fixed)]


def _canaries(selected: Collection[str], plan: Plan, wishes: Wishes) -> Iterator[Refusal]:
    canary = wishes.canary
    if not canary:
        return
    if canary not in plan.hosts:
        known = ", ".join(selected)
        yield Refusal(f"the canary {canary} is no host of the inventory", f"one of: {known}")
    elif canary not in selected:
        yield Refusal(
            f"the canary {canary} is not among what is deployed",
            f"add it: {' '.join([*selected, canary])}",
        )
    if wishes.at_once:
        yield Refusal(
            f"of all at once none goes first, and {canary} is to be the canary",
            "leave out --canary, or --at-once",
        )


def _without_relays(
    made: Sequence[Wave], overlay: Overlay, fixed: Collection[str]
) -> list[Refusal]:
    """Refuse a wave that leaves those who need a relay none, and nobody to see it from."""
    needy = overlay.dependants - set(fixed)
    all_ = overlay.relays | needy
    if not overlay.relays or not needy or not any(all_ <= set(wave.hosts) for wave in made):
        return []
    relays, others = _listed(overlay.relays), _listed(needy)
    what = "the only relay" if len(overlay.relays) == 1 else "all relays"
    return [
        Refusal(
            f"one wave would have {what}, {relays}, and everybody who depends on it: {others}; if "
            "it fails, none of them is reached any more",
            "let it be waves: leave --at-once out",
            forced=True,
        )
    ]


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
