"""Real nodes of one process that find one another, and notice who is gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simulacra.actors.cluster.members import State
from simulacra.actors.cluster.membership import (
    GROUP,
    MEMBERSHIP,
    Entry,
    Membership,
    Memory,
    TableQuery,
)
from simulacra.actors.cluster.swim_events import Declare, Lost, Met, WriteOff
from simulacra.actors.cluster.swim_settings import Settings
from simulacra.actors.cluster.view import Changed
from simulacra.actors.runtime import Ref
from simulacra.actors.runtime.peer import Peer
from simulacra.actors.runtime.transport_settings import Settings as TransportSettings
from tests.actors.runtime.nodes import QUICK, Network, Node, eventually
from tests.support import Scripted, seen

HASTY = Settings(
    interval=0.1, answer=0.1, helped=0.1, suspicion=(0.1, 0.3), retry=0.2, sync=0.1, late=0.2
)


class Cluster(Network):
    """Nodes that know the keys of all, and where nobody is but whom they are told to dial."""

    def __init__(self, folder: Path, *names: str) -> None:
        super().__init__(*names)
        self.folder = folder
        self.changes: dict[str, list[Changed]] = {}
        self.refs: dict[str, Ref] = {}

    def start(self, name: str) -> Node:
        def told(make: Callable[[Peer], object]) -> Callable[[Peer, str], None]:
            def tell(peer: Peer, _: str) -> None:
                ref = node.system.whereis(MEMBERSHIP)
                if ref is not None:
                    ref.tell(make(peer))

            return tell

        changes = self.changes[name] = []
        node = self.node(name, TransportSettings(timing=QUICK))
        roster = node.transport._roster
        roster._on_up = told(
            lambda peer: Met(peer.name, peer.key, peer.endpoint.removeprefix("tcp://"))
        )
        roster._on_down = told(lambda peer: Lost(peer.name))
        transport = node.transport

        def connected(host: str) -> bool:
            peer = transport.peer(host)
            return peer is not None and peer.is_up

        self.refs[name] = node.system.spawn(
            Membership,
            name_of(node),
            node.pair.public,
            transport.endpoint.removeprefix("tcp://"),
            memory=Memory(self.folder / name),
            connected=connected,
            dial=transport.connect,
            on_change=lambda change, _: changes.append(change),
            settings=HASTY,
            name=MEMBERSHIP,
        )
        return node

    def dial(self, one: Node, other: Node) -> None:
        one.transport.connect(other.transport.endpoint, other.pair.public)

    def table(self, name: str) -> dict[str, Entry]:
        entries: list[Entry] = self.refs[name].ask(TableQuery())
        return {entry.host: entry for entry in entries}

    def states(self, name: str) -> dict[str, str]:
        return {host: entry.state for host, entry in self.table(name).items()}

    def all_see(self, states: dict[str, str], *by: str) -> None:
        eventually(lambda: all(self.states(name) == states for name in by))


def name_of(node: Node) -> str:
    return node.system.name


def test_all_find_one_another_through_one_and_notice_who_is_gone(tmp_path: Path) -> None:
    with Cluster(tmp_path, "a", "b", "c", "d") as cluster:
        a, b, c, d = (cluster.start(name) for name in "abcd")
        watcher = a.system.spawn(Scripted)
        a.system.groups.join(GROUP, watcher)
        for other in (b, c, d):
            cluster.dial(other, a)
        everybody = dict.fromkeys("abcd", "up")
        cluster.all_see(everybody, *"abcd")
        eventually(lambda: c.transport.peer("d"))  # they probe one another, so they are connected

        d.close()
        cluster.nodes.remove(d)
        cluster.all_see(everybody | {"d": "down"}, *"abc")
        entry = cluster.table("a")["d"]
        assert (entry.address, entry.key) == (d.transport.endpoint[6:], d.pair.public)
        assert 0 <= entry.since < 15
        assert entry.heard is not None
        told = [change for change in seen(watcher) if change.host == "d"]
        assert [change.new for change in told][-2:] == [State.SUSPECT, State.DOWN]
        assert cluster.changes["a"][-1].host == "d"


def test_a_host_that_starts_again_is_greeted_by_those_it_knew_and_says_a_higher_number(
    tmp_path: Path,
) -> None:
    with Cluster(tmp_path, "a", "b") as cluster:
        a, b = cluster.start("a"), cluster.start("b")
        cluster.dial(b, a)
        cluster.all_see({"a": "up", "b": "up"}, "a", "b")
        first = cluster.table("a")["b"].incarnation
        b.close()
        cluster.nodes.remove(b)
        cluster.all_see({"a": "up", "b": "down"}, "a")

        cluster.start("b")  # it is told of nobody: it remembers
        cluster.all_see({"a": "up", "b": "up"}, "a", "b")
        assert cluster.table("a")["b"].incarnation > first


def test_parting_is_said_and_leaving_may_be_said_by_others(tmp_path: Path) -> None:
    with Cluster(tmp_path, "a", "b", "c") as cluster:
        a, b, c = (cluster.start(name) for name in "abc")
        cluster.dial(b, a)
        cluster.dial(c, a)
        cluster.all_see(dict.fromkeys("abc", "up"), *"abc")
        cluster.refs["b"].tell(Declare(State.DETACHED))
        cluster.all_see({"a": "up", "b": "detached", "c": "up"}, "a", "c")
        cluster.refs["b"].tell(Declare(State.UP))
        cluster.all_see(dict.fromkeys("abc", "up"), *"abc")
        c.close()
        cluster.nodes.remove(c)
        cluster.all_see({"a": "up", "b": "up", "c": "down"}, "a", "b")
        cluster.refs["a"].tell(WriteOff("c"))
        cluster.all_see({"a": "up", "b": "up", "c": "left"}, "a", "b")


def test_memory_counts_lives_and_survives_damage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory = Memory(tmp_path)
    assert memory.next_life() == 1
    memory.remember(7)
    assert Memory(tmp_path).next_life() == 8
    assert memory.known() == []
    (tmp_path / "incarnation").write_text("")
    (tmp_path / "known.json").write_text('[["nas", "k')
    assert memory.next_life() == 1
    assert memory.known() == []
    assert "holds no number" in caplog.text
    assert "is damaged" in caplog.text
