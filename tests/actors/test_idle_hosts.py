"""Hosts of a network in which each connects to few: they rest from those that they do not need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import combinations
from pathlib import Path

import pytest

from simulacra.actors.cluster import focus, focus_timing, swim_settings
from simulacra.actors.cluster.members import State
from simulacra.actors.cluster.rings import Rings
from simulacra.actors.compute.computations import COMPUTATIONS, ListThem
from simulacra.actors.compute.spec import Script, Spec
from simulacra.actors.node import Node
from simulacra.actors.runtime import session, transport_settings
from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.settings import Paths, Settings
from simulacra.client import Client
from simulacra.network import Computation
from tests.onehost import PATIENCE, until
from tests.support import nothing_left_behind

NAMES = ("a", "j", "k", "m", "q", "t", "u", "w")
"""Of those after the first few probe one another."""

FIRST = NAMES[:4]
"""The master, and who comes after it."""

LISTENS = "def main(ctx):\n    while True:\n        ctx.receive().reply('heard')\n"


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is suspected or given up because the machine is busy, nor are others asked to help."""
    patient = {
        "neighbours.TransportSettings": partial(
            transport_settings.Settings, timing=session.Timing(lost=PATIENCE)
        ),
        "clustering.FocusSettings": partial(
            focus.FocusSettings, timing=focus_timing.Timing(suspect=PATIENCE, act_by=PATIENCE)
        ),
        "cluster.swim.Settings": partial(swim_settings.Settings, answer=PATIENCE),
        "runtime.holding.PATIENCE": PATIENCE,
    }
    for name, value in patient.items():
        monkeypatch.setattr(f"simulacra.actors.{name}", value)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[dict[str, Node]]:
    """Nodes of which each connects to one by itself, and rests soon from others."""
    homes = {name: Paths.find({"SIMULACRA_HOME": str(tmp_path / name)}) for name in NAMES}
    keys = {name: KeyPair.load_or_make(paths.key(name)).public for name, paths in homes.items()}
    with nothing_left_behind(), ExitStack() as stack:
        made: dict[str, Node] = {}
        for name, paths in homes.items():
            at = f" {made['a'].neighbours.address()}" if made else ""
            lines = [f"{each} {key}{at if each == 'a' else ''}\n" for each, key in keys.items()]
            paths.members.write_text("".join(lines))
            settings = Settings(name=name, paths=paths, mesh=1, idle=1.0)
            made[name] = stack.enter_context(Node(settings))
        yield made


def client(node: Node) -> Client:
    return Client(node.settings.paths.socket(node.settings.name))


def pairs(names: Iterable[str]) -> set[frozenset[str]]:
    return {frozenset(pair) for pair in combinations(names, 2)}


def connected(nodes: dict[str, Node]) -> set[frozenset[str]]:
    return {
        frozenset({name, other})
        for name, node in nodes.items()
        for other in node.neighbours.connected()
    }


def needed(nodes: dict[str, Node]) -> set[frozenset[str]]:
    """Who has to be connected: to the master and those in line, and by the rings."""
    rings = Rings(3)
    for name in nodes:
        rings.add(name)
    near = {name: {*rings.after(name), *rings.before(name)} for name in nodes}
    probing = {frozenset({name, other}) for name, others in near.items() for other in others}
    return probing | {pair for pair in pairs(nodes) if pair & set(FIRST)}


def at_rest(nodes: dict[str, Node]) -> set[frozenset[str]]:
    """Who rest from each other, as both see it."""
    peers = {name: node.transport.peers() for name, node in nodes.items()}
    seen = {(name, peer.name) for name in peers for peer in peers[name] if peer.is_resting}
    return {frozenset(pair) for pair in seen if pair[::-1] in seen}


def sessions(nodes: dict[str, Node], among: set[frozenset[str]]) -> int:
    """How many there ever were between some pairs."""
    return sum(
        peer.session.number
        for name, node in nodes.items()
        for peer in node.transport.peers()
        if frozenset({name, peer.name}) in among
    )


def facts_at(nodes: dict[str, Node]) -> float:
    """When the host whose facts are the oldest of those that a was told said them."""
    heard = [nodes["a"].hosts.of(name) for name in nodes if name != "a"]
    return min(0.0 if each is None else each.at for each in heard)


def are_all_up(nodes: dict[str, Node]) -> bool:
    return all(
        set(node.cluster.members) == set(NAMES) - {name}
        and all(member.state is State.UP for member in node.cluster.members.values())
        for name, node in nodes.items()
    )


def lead(nodes: dict[str, Node]) -> None:
    """Let the first be the master, and the next come after it."""
    until(lambda: len({node.cluster.focus.epoch for node in nodes.values()}) == 1)
    client(nodes[NAMES[0]]).item("refocus", host=NAMES[0], timeout=PATIENCE)
    client(nodes[NAMES[0]]).item("succession", hosts=list(FIRST), timeout=PATIENCE)
    for name in NAMES[1:]:
        focus = nodes[name].cluster.focus
        until(lambda focus=focus: {focus.epoch.host, *focus.successors} == set(FIRST))  # type: ignore[misc]


def test_hosts_rest_from_those_that_they_do_not_need_and_call_them_when_they_do(
    nodes: dict[str, Node],
) -> None:
    until(lambda: are_all_up(nodes))
    lead(nodes)
    for name, node in nodes.items():
        for other in set(NAMES) - {name}:
            node.neighbours.call(other)
    free = sorted(sorted(pair) for pair in pairs(NAMES) - needed(nodes))
    (watcher, watched), *resting = free
    one, other = resting[0]
    table = nodes[watcher].system.ref(f"{COMPUTATIONS}@{watched}")
    lost = nodes[watcher].system.watch(table)  # a tie
    rest = set(map(frozenset, resting))
    stay = pairs(NAMES) - rest

    until(lambda: at_rest(nodes) == rest and connected(nodes) == stay)
    assert are_all_up(nodes)
    assert all(node.cluster.absent() == [] for node in nodes.values())
    shown = {each["host"]: each["state"] for each in client(nodes[one]).item("status")["peers"]}
    assert shown[other] == "resting"

    # Nothing at rest makes a connection: not while everybody told its facts again, twice.
    before = sessions(nodes, rest)
    for _ in range(2):
        told = facts_at(nodes)
        until(lambda told=told: facts_at(nodes) > told)  # type: ignore[misc]
    assert sessions(nodes, rest) == before
    assert (at_rest(nodes), connected(nodes)) == (rest, stay)

    # What is for a host that rests does: mail between actors, and to a computation.
    for pair in resting:
        for here, there in (pair, pair[::-1]):
            table = nodes[here].system.ref(f"{COMPUTATIONS}@{there}")
            assert isinstance(table.ask(ListThem(), timeout=PATIENCE), list)
    assert sessions(nodes, rest) > before
    spec = Spec(Script("/none/listener.py", LISTENS), name="listener", on=other)
    client(nodes[one]).item("spawn", spec=spec.to_plain(), timeout=PATIENCE)
    until(lambda: at_rest(nodes) == rest)
    assert Computation(client(nodes[one]), "listener").ask("hello", timeout=PATIENCE) == "heard"

    until(lambda: at_rest(nodes) == rest and connected(nodes) == stay)
    happened = [event.kind for node in nodes.values() for event in node.events.since(0)[0]]
    assert not {"host.lost", "split.begun"} & set(happened)
    assert are_all_up(nodes)
    assert not lost.is_set()
    assert all(node.system.dead_letters.count == 0 for node in nodes.values())
