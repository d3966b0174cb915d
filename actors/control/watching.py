"""How things are: the node, the computations, their results, and why they are there."""

from __future__ import annotations

import os
import platform
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import psutil

from simulacra.actors.compute.chain import Stage, explain_chain
from simulacra.actors.compute.computations import is_living
from simulacra.actors.compute.computing import Await, Described, GetResult, Look
from simulacra.actors.compute.placement import Alternative, Needs, Read, explain
from simulacra.actors.compute.services import THIS_SOFTWARE
from simulacra.actors.control.finding import Seen, ask_it, everywhere, find, once
from simulacra.actors.control.network import membership_of, network_name
from simulacra.actors.gateway.call import Call
from simulacra.actors.logs import STDERR, file_of
from simulacra.actors.runtime.frames import WIRE_VERSION
from simulacra.actors.version import VERSION

if TYPE_CHECKING:
    from simulacra.actors.node import Node
    from simulacra.actors.runtime.peer import Peer

_ASK: Final = 10.0


class Watching:
    """The verbs ``status``, ``ps``, ``result`` and ``explain``."""

    def __init__(self, node: Node) -> None:
        self._node = node

    # -- the node

    def status(self, call: Call) -> Iterator[object]:
        """This node, and those it knows."""
        del call
        node = self._node
        memory, log = psutil.virtual_memory(), file_of(STDERR)
        here = [s.described for s in everywhere(node) if s.described.host == node.settings.name]
        yield {
            "host": node.settings.name,
            "version": VERSION,
            "wire": WIRE_VERSION,
            "pid": os.getpid(),
            "uptime": time.monotonic() - node.started,
            "listen": node.address,
            "key": node.key,
            "network": network_name(node),
            "door": node.enrolment.door,
            "zone": node.settings.zone or None,
            "python": THIS_SOFTWARE.python,
            "arch": platform.machine(),
            "cores": os.cpu_count() or 1,
            "load": os.getloadavg()[0],
            "memory": {"total": memory.total, "free": memory.available},
            "limits": "rlimit",
            "computations": dict(Counter(each.state for each in here if each.state != "left")),
            "dead_letters": node.system.dead_letters.count,
            "log": None if log is None else str(log),
            "peers": [self._peer(peer) for peer in node.transport.peers()],
        }

    def _peer(self, peer: Peer) -> dict[str, Any]:
        hosts = self._node.hosts
        heard = hosts.of(peer.name)
        state = "up" if peer.is_up else "refused" if peer.refusal else "connecting"
        if heard is not None and not peer.is_up and not peer.refusal:
            state = "down"
        return {
            "host": peer.name,
            "address": peer.endpoint.removeprefix("tcp://"),
            "state": state,
            "reason": peer.refusal or None,
            **membership_of(self._node, peer.name),
            "rtt": hosts.round_trip(peer.name),
            "bandwidth": hosts.bandwidth(peer.name),
            "seen": None if heard is None else time.monotonic() - heard.at,
            "version": None if heard is None else heard.facts.version,
            "clock": None if heard is None else heard.clock_ahead,
        }

    # -- computations

    def ps(self, call: Call) -> Iterator[object]:
        """The tree of nodes and computations, once or again and again."""
        name, every = call.arg("name", str, None), call.arg("every", float, None)
        finished, actors = call.arg("finished", bool, False), call.arg("all", bool, False)
        while True:
            rows = self._rows(name, finished=finished or name is not None, actors=actors)
            if name is not None and len(rows) == 0:
                find(self._node, name)  # says that there is none
            yield {"time": time.time(), "rows": rows}
            if every is None or call.cancelled.wait(every):
                return

    def _rows(self, name: str | None, *, finished: bool, actors: bool) -> list[dict[str, Any]]:
        seen = [
            each
            for each in once(everywhere(self._node))
            if (finished or is_living(each.described))
            and (name is None or each.described.name == name.partition("@")[0])
        ]
        up = [self._node.settings.name, *sorted(self._node.connected())]
        down = [host for host in self._node.absent() if self._node.hosts.of(host) is not None]
        rows: list[dict[str, Any]] = []
        for host in [*up, *down]:
            here = [each for each in seen if each.described.host == host]
            if name is not None and not here:
                continue
            rows.append(self._node_row(host, is_up=host in up))
            if actors and host == self._node.settings.name:
                rows += self._actor_rows(host)
            rows += [_computation_row(each) for each in here]
        return rows

    def _node_row(self, host: str, *, is_up: bool) -> dict[str, Any]:
        heard = self._node.hosts.of(host)
        return {
            **_row(host, None),
            "name": host,
            "kind": "node",
            "host": host,
            "state": "up" if is_up else "down",
            "seen": 0.0 if is_up or heard is None else time.monotonic() - heard.at,
        }

    def _actor_rows(self, host: str) -> list[dict[str, Any]]:
        cells = self._node.system.actors()
        ids = {cell.ref: f"{host}/{cell.id}" for cell in cells}
        return [
            {
                **_row(ids[cell.ref], ids.get(cell.parent, host) if cell.parent else host),
                "name": cell.name or cell.behaviour_class.__name__,
                "kind": "supervisor" if "Supervisor" in cell.behaviour_class.__name__ else "actor",
                "host": host,
                "state": "running",
                "mailbox": stats.waiting,
                "bound": stats.bound,
            }
            for cell in cells
            for stats in (cell.mailbox.stats(),)
        ]

    def result(self, call: Call) -> Iterator[object]:
        """What a computation returned; with ``wait`` once it has ended."""
        seen, wait = find(self._node, call.arg("name", str)), call.arg("wait", bool, False)
        described = seen.described
        while wait and is_living(described):
            call.check()
            described = ask_it(self._node, call, seen, Await(described.party), _ASK)
            seen = find(self._node, described.name)
        result = {"value": None, "text": None}
        if described.state == "done":
            result = ask_it(self._node, call, seen, GetResult(described.party), _ASK)
        yield {
            "name": described.name,
            "host": described.host,
            "state": described.state,
            "kind": described.kind,
            "waits_for": described.waits_for,
            **result,
            "reason": None if is_living(described) else described.reason,
            "ended": None if described.ended is None else time.time() - described.ended,
        }

    # -- why

    def explain(self, call: Call) -> Iterator[object]:
        """The costs of each host for a computation, and its moves."""
        seen = find(self._node, call.arg("name", str))
        described: Described = ask_it(self._node, call, seen, Look(seen.described.party), _ASK)
        so_far, to_come = (_reads(each) for each in (described.reads, described.to_come))
        needs = Needs(
            described.name, at=described.host, reads=to_come, state_size=described.size,
            on=None, near=None,
        )  # fmt: skip
        network = self._node.hosts.network()
        alternatives = explain(needs, network)
        stages = (
            Stage("display", pinned=self._node.settings.name, size=1000, round_trips=1),
            Stage(described.name, size=sum(r.size for r in to_come),
                  round_trips=sum(r.round_trips for r in to_come)),
            *(Stage("data", pinned=at.host) for at in to_come[:1] if at.host in network.hosts),
        )  # fmt: skip
        yield {
            "name": described.name,
            "host": described.host,
            "state": described.state,
            "waits_for": described.waits_for,
            "why": _why(described, alternatives),
            "reads": [
                {
                    "name": None,
                    "at": read.path,
                    "size": read.size,
                    "trips": read.round_trips,
                    "seen": seen.ago,
                }
                for read in so_far
            ],
            "alternatives": [_alternative(each, described.host) for each in alternatives],
            "chain": [
                {"places": list(row.hosts), "seconds": row.total, "best": row.best}
                for row in explain_chain(stages, network)
            ],
            "moves": [
                {
                    "ago": time.time() - move["at"],
                    "source": move["source"],
                    "target": move["target"],
                    "why": move["why"],
                }
                for move in described.moves
            ],
        }


def _reads(told: list[tuple[str, int, int]]) -> tuple[Read, ...]:
    return tuple(Read(at.partition(":")[0], at, size, trips) for at, size, trips in told)


def _why(described: Described, alternatives: tuple[Alternative, ...]) -> str:
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


def _alternative(each: Alternative, here: str) -> dict[str, Any]:
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


def _row(row: str, parent: str | None) -> dict[str, Any]:
    return {
        "id": row, "parent": parent, "restarts": 0, "age": None, "mailbox": None, "bound": None,
        "pid": None, "cpu": None, "memory": None, "reason": None, "waits_for": None, "seen": 0.0,
    }  # fmt: skip


def _computation_row(seen: Seen) -> dict[str, Any]:
    one = seen.described
    return {
        **_row(one.party, one.host),
        "name": one.name,
        "kind": one.kind,
        "host": one.host,
        "state": one.state,
        "restarts": one.restarts,
        "age": None if one.since is None else max(0.0, time.time() - one.since),
        "mailbox": one.mailbox,
        "bound": None,
        "pid": one.pid,
        "cpu": one.cpu,
        "memory": one.memory,
        "reason": one.reason,
        "waits_for": one.waits_for,
        "seen": seen.ago,
    }
