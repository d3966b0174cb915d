"""Hosts that are there and not connected, as each connects to few: they are called when needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from simulacra.actors.compute.spec import Command, Spec
from simulacra.actors.neighbours import Neighbours
from simulacra.actors.node import Node
from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.settings import Paths, Settings
from simulacra.client import Client
from tests.onehost import until
from tests.support import nothing_left_behind

NAMES = ("a", "b", "c")


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Node]]:
    """Three nodes, of which b and c were never connected: each knows the other through a."""
    homes = {name: Paths.find({"SIMULACRA_HOME": str(tmp_path / name)}) for name in NAMES}
    keys = {name: KeyPair.load_or_make(paths.key(name)).public for name, paths in homes.items()}
    apart = {frozenset({keys["b"], keys["c"]})}
    dial = Neighbours.dial

    def sparing(near: Neighbours, endpoint: str, key: str) -> None:
        if frozenset({near.key, key}) not in apart:
            dial(near, endpoint, key)

    monkeypatch.setattr(Neighbours, "dial", sparing)
    with nothing_left_behind(), ExitStack() as stack:
        made: dict[str, Node] = {}
        for name, paths in homes.items():
            address = f" {made['a'].neighbours.address()}" if made else ""
            lines = [f"a {keys['a']}{address}", f"b {keys['b']}", f"c {keys['c']}"]
            paths.members.write_text("".join(f"{line}\n" for line in lines))
            made[name] = stack.enter_context(Node(Settings(name=name, paths=paths)))
        until(
            lambda: (
                [sorted(each.neighbours.connected()) for each in made.values()]
                == [["b", "c"], ["a"], ["a"]]
            )
        )
        until(lambda: made["b"].cluster.far().keys() == {"c"})
        until(lambda: made["c"].cluster.far().keys() == {"b"})
        yield made


def client(node: Node) -> Client:
    return Client(node.settings.paths.socket(node.settings.name))


def test_a_host_that_is_not_connected_is_in_reach_and_is_called_when_needed(
    nodes: dict[str, Node],
) -> None:
    b = nodes["b"]
    assert b.cluster.absent() == []
    until(lambda: len({each.cluster.focus.epoch for each in nodes.values()}) == 1)
    assert not b.cluster.is_deputy(b.cluster.focus.epoch)
    spec = Spec(Command(("sleep", "600")), name="there", on="c").to_plain()
    assert client(b).item("spawn", spec=spec, timeout=60)["host"] == "c"
    assert b.neighbours.connected() == ["a", "c"]
    assert b.cluster.far() == {}
    until(lambda: b.cluster.absent() == [])


def test_a_master_speaks_to_all_and_so_is_connected_to_all(nodes: dict[str, Node]) -> None:
    until(lambda: client(nodes["a"]).item("focus")["master"])
    client(nodes["a"]).item("refocus", host="b", timeout=60)
    until(lambda: nodes["b"].neighbours.connected() == ["a", "c"])
    until(lambda: {each.cluster.focus.epoch.host for each in nodes.values()} == {"b"})


def test_a_host_connects_by_itself_to_so_many_and_no_more(nodes: dict[str, Node]) -> None:
    a, near = nodes["a"], nodes["a"].neighbours
    pair = KeyPair.generate()
    file = a.settings.paths.members
    file.write_text(f"{file.read_text()}d {pair.public}\n")
    a.read_keys()
    for mesh, dials in ((2, False), (3, True)):
        near._settings = replace(a.settings, mesh=mesh)
        near.meet("tcp://127.0.0.1:1", pair.public)
        assert (pair.public in near.dialed()) is dials
