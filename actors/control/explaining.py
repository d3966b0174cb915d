"""Why a computation is where it is, or why it waits: the costs of each host, and its moves."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.compute.chain import Stage, explain_chain
from simulacra.actors.compute.computing import HELD, HELD_WHY, Described, Look
from simulacra.actors.compute.placement import Alternative, Needs, Network, Read, explain
from simulacra.actors.control.finding import ask_it, find
from simulacra.actors.control.placing import Waiting
from simulacra.actors.gateway.call import Call

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ASK: Final = 10.0


class Explaining:
    """The verb ``explain``."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def explain(self, call: Call) -> Iterator[object]:
        """The costs of each host for a computation, and its moves."""
        waiting = self._node.waiting.get(call.arg("name", str))
        if waiting is not None:
            yield _waiting(waiting)
            return
        seen = find(self._node, call.arg("name", str))
        described: Described = ask_it(self._node, call, seen, Look(seen.described.party), _ASK)
        so_far, to_come = (_reads(each) for each in (described.reads, described.to_come))
        network = self._node.hosts.network()
        needs = needs_of(described, network)
        alternatives = explain(needs, network)
        stages = _stages(described.name, to_come, self._node.settings.name, network)
        yield {
            "name": described.name,
            "host": described.host,
            "state": described.state,
            "waits_for": None,
            "why": _why(described, alternatives),
            "reads": [_read(each, seen.ago) for each in so_far],
            "alternatives": [_alternative(each, described.host) for each in alternatives],
            "chain": [
                {"places": list(row.hosts), "seconds": row.total, "best": row.best}
                for row in explain_chain(stages, network)
            ],
            "moves": [_move(each) for each in described.moves],
        }


def needs_of(described: Described, network: Network) -> Needs:
    """What a computation that runs has still to do, wherever its user wants it."""
    host = network.hosts.get(described.host)
    return Needs(
        described.name,
        at=described.host,
        reads=_reads(described.to_come),
        cpu_seconds=described.work * (1.0 if host is None else host.speed),
        busy=described.busy,
        state_size=described.size,
        labels=tuple(described.labels),
    )


def _waiting(one: Waiting) -> dict[str, Any]:
    return {
        "name": one.name,
        "host": None,
        "state": "waiting",
        "waits_for": one.waits_for,
        "why": "it has no host yet",
        "reads": [],
        "alternatives": [_alternative(each, None) for each in one.alternatives],
        "chain": [],
        "moves": [],
    }


def _reads(told: list[tuple[str, int, int]]) -> tuple[Read, ...]:
    return tuple(Read(at.partition(":")[0], at, size, trips) for at, size, trips in told)


def _stages(name: str, to_come: tuple[Read, ...], here: str, network: Network) -> tuple[Stage, ...]:
    """What is between whoever looks on and the first data that is to be read."""
    size, round_trips = sum(r.size for r in to_come), sum(r.round_trips for r in to_come)
    return (
        Stage("display", pinned=here, size=1000, round_trips=1),
        Stage(name, size=size, round_trips=round_trips),
        *(Stage("data", pinned=at.host) for at in to_come[:1] if at.host in network.hosts),
    )


def _read(read: Read, ago: float) -> dict[str, Any]:
    return {
        "name": None,
        "at": read.path,
        "size": read.size,
        "trips": read.round_trips,
        "seen": ago,
    }


def _move(move: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ago": time.time() - move["at"],
        "source": move["source"],
        "target": move["target"],
        "why": move["why"],
    }


def _why(described: Described, alternatives: tuple[Alternative, ...]) -> str:
    if described.state == HELD:
        return HELD_WHY
    if described.on is not None:
        return f"it was asked to run on {described.on}"
    if described.near is not None:
        return f"it was asked to run near {described.near}"
    best = next((each.host for each in alternatives if each.best), None)
    if best == described.host:
        return f"of all hosts it costs least on {best}"
    if best is None:
        return "no other host can take it"
    return f"it would cost less on {best}, but too little, or for too short a time, to move"


def _alternative(each: Alternative, here: str | None) -> dict[str, Any]:
    possible = each.refused is None
    return {
        "host": each.host,
        "here": each.host == here,
        "best": each.best,
        "seconds": each.cost.total if possible else None,
        "data": each.cost.transfer if possible else None,
        "trips": each.cost.round_trips if possible else None,
        "work": each.cost.work if possible else None,
        "move": each.cost.moving if possible else None,
        "refused": each.refused,
    }
