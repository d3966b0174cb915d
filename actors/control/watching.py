"""How things are: the node, the computations, their results."""

from __future__ import annotations

import os
import platform
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import psutil

from simulacra.actors.cluster.members import LIVE
from simulacra.actors.compute import cgroups
from simulacra.actors.compute.computations import is_living
from simulacra.actors.compute.computing import Await, GetResult
from simulacra.actors.compute.services import THIS_SOFTWARE
from simulacra.actors.compute.speed import measured_speed
from simulacra.actors.control.finding import Seen, ask_it, everywhere, find, once
from simulacra.actors.control.network import membership_of, network_name
from simulacra.actors.control.placing import Waiting
from simulacra.actors.detaching import AWAY
from simulacra.actors.gateway.call import Call
from simulacra.actors.logs import current_file
from simulacra.actors.runtime.frames import WIRE_VERSION
from simulacra.actors.units import show_age
from simulacra.actors.version import VERSION

if TYPE_CHECKING:
    from simulacra.actors.node import Node
    from simulacra.actors.runtime.peer import Peer

_ASK: Final = 10.0
_SHUT_OUT: Final = (
    "its door turns this node away: its list does not have our key; there, add the line that "
    "`simulacra keys` prints here: simulacra keys add NAME KEY HOST:PORT"
)


class Watching:
    """The verbs ``status``, ``ps`` and ``result``."""

    def __init__(self, node: Node) -> None:
        self._node = node

    # -- the node

    def status(self, call: Call) -> Iterator[object]:
        """This node, and those it knows."""
        del call
        node = self._node
        memory, log = psutil.virtual_memory(), current_file()
        here = [s.described for s in everywhere(node) if s.described.host == node.settings.name]
        yield {
            "host": node.settings.name,
            "version": VERSION,
            "wire": WIRE_VERSION,
            "pid": os.getpid(),
            "uptime": time.monotonic() - node.started,
            "listen": node.neighbours.address(),
            "bulk_port": node.bulk_server.port,
            "key": node.neighbours.key,
            "network": network_name(node),
            "out": node.enrolment.why_out(node.neighbours.key),
            "door": node.enrolment.door,
            "dns": node.knowing.dns.port if node.knowing.dns is not None else None,
            "zone": node.settings.zone or None,
            "python": THIS_SOFTWARE.python,
            "arch": platform.machine(),
            "cores": os.cpu_count() or 1,
            "load": os.getloadavg()[0],
            "memory": {"total": memory.total, "free": memory.available},
            "speed": measured_speed(),
            "labels": list(node.settings.labels),
            "limits": "cgroup" if cgroups.in_use() else "rlimit",
            "computations": dict(Counter(each.state for each in here if each.state != "left")),
            "dead_letters": node.system.dead_letters.count,
            "log": None if log is None else str(log),
            "master": node.cluster.focus.epoch.host or None,
            "away": None if node.detaching.away is None else asdict(node.detaching.away),
            "peers": [*map(self._peer, node.transport.peers()), *self._away(), *self._refused()],
        }

    def _away(self) -> list[dict[str, Any]]:
        """Hosts that membership knows and this node has no connection to, up or not."""
        known = {peer.name for peer in self._node.transport.peers()}
        return [
            self._row_of(member.host, member.address, member.state.value, self._back(member.host))
            for member in self._node.cluster.members.values()
            if member.host not in known
        ]

    def _refused(self) -> list[dict[str, Any]]:
        """Members that greeted, were refused, and are nobody's peers."""
        return [
            self._row_of(hello.node, hello.endpoint, "refused", why) | {"version": hello.software}
            for hello, why in self._node.transport.refused_strangers()
        ]

    def _peer(self, peer: Peer) -> dict[str, Any]:
        is_up = peer.is_up and not peer.is_apart
        reason = None if is_up else peer.refusal or (self._shut_out() if peer.is_shut_out else None)
        member = self._node.cluster.members.get(peer.name)
        if is_up or reason:
            state = "up" if is_up else "refused"
        elif member is not None and member.state not in LIVE:
            state, reason = member.state.value, self._back(peer.name)
        elif peer.is_resting:
            state, reason = "resting", "nothing was for it for long: it is called when needed"
        elif peer.is_apart:
            state, reason = "apart", "one of the two is detached: simulacra rejoin"
        else:
            state = "connecting" if self._node.hosts.of(peer.name) is None else "down"
        return self._row_of(peer.name, peer.endpoint, state, reason)

    def _shut_out(self) -> str:
        out = self._node.enrolment.why_out(self._node.neighbours.key)
        return _SHUT_OUT if out is None else f"its door turns this node away: {out}"

    def _back(self, host: str) -> str | None:
        """When a host is expected back, if it said so."""
        said = self._node.knowing.view.get(AWAY, host, AWAY)
        if said is None or said["until"] is None:
            return None
        left = said["until"] - time.time()
        return f"expected back in {show_age(left)}" if left > 0 else "expected back by now"

    def _row_of(
        self, host: str, address: str, state: str, reason: str | None = None
    ) -> dict[str, Any]:
        hosts = self._node.hosts
        heard, rate = hosts.of(host), hosts.bandwidth(host)
        return {
            "host": host,
            "address": address.removeprefix("tcp://"),
            "state": state,
            "reason": reason,
            **membership_of(self._node, host),
            "zone": None if heard is None else heard.facts.capabilities.get("zone") or None,
            "rtt": hosts.round_trip(host),
            "bandwidth": None if rate is None else rate[0],
            "seen": None if heard is None else time.monotonic() - heard.at,
            "version": None if heard is None else heard.facts.version,
            "clock": None if heard is None else heard.clock_ahead,
        }

    def routes(self, call: Call) -> Iterator[object]:
        """What all hosts in reach measured of their routes to others."""
        del call
        found = sorted(self._node.hosts.routes().items())
        yield {
            "routes": [
                {"source": source, "target": target, **asdict(measured)}
                for (source, target), measured in found
            ]
        }

    # -- computations

    def ps(self, call: Call) -> Iterator[object]:
        """The tree of nodes and computations, once or again and again."""
        name, every = call.arg("name", str, None), call.arg("every", float, None)
        finished, actors = call.arg("finished", bool, False), call.arg("all", bool, False)
        known = call.arg("known", bool, False)
        while True:
            rows = self._rows(
                everywhere(self._node, ask=not known),
                name,
                finished=finished,
                actors=actors,
            )
            if name is not None and len(rows) == 0:
                find(self._node, name)  # says that there is none
            yield {"time": time.time(), "rows": rows}
            if every is None or call.cancelled.wait(every):
                return

    def _rows(
        self, everybody: list[Seen], name: str | None, *, finished: bool, actors: bool
    ) -> list[dict[str, Any]]:
        near = self._node.neighbours
        here = [self._node.settings.name, *sorted(near.connected())]
        far = [host for host in self._node.cluster.far() if self._node.hosts.of(host) is not None]
        down = [host for host in near.absent() if self._node.hosts.of(host) is not None]
        hosts = [*here, *sorted(far), *down]
        only = None if name in hosts else name  # the computation that is asked for, if any
        seen = [
            each
            for each in once(everybody)
            if (finished or only is not None or is_living(each.described))
            and (only is None or each.described.name == only.partition("@")[0])
        ]
        rows: list[dict[str, Any]] = []
        for host in hosts if name not in hosts else [name]:
            there = [each for each in seen if each.described.host == host]
            if only is not None and not there:
                continue
            rows.append(self._node_row(host, is_up=host not in down, is_here=host in here))
            if actors and host == self._node.settings.name:
                rows += self._actor_rows(host)
            rows += [_computation_row(each) for each in there]
        return rows + [
            _waiting_row(each)
            for each in list(self._node.waiting.values())
            if name is None or each.name == name
        ]

    def _node_row(self, host: str, *, is_up: bool, is_here: bool) -> dict[str, Any]:
        heard = self._node.hosts.of(host)
        return {
            **_row(host, None),
            "name": host,
            "kind": "node",
            "host": host,
            "state": "up" if is_up else "down",
            "seen": 0.0 if is_here or heard is None else time.monotonic() - heard.at,
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
            **result,
            "reason": None if is_living(described) else described.reason,
            "ended": None if described.ended is None else time.time() - described.ended,
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
        "seen": seen.ago,
    }


def _waiting_row(one: Waiting) -> dict[str, Any]:
    return {
        **_row(f"{one.name}#", None),
        "name": one.name,
        "kind": "computation",
        "host": None,
        "state": "waiting",
        "age": time.monotonic() - one.since,
        "waits_for": one.waits_for,
    }
