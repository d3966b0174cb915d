"""The table of a host's trees, and their actors under a real supervisor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.tree import ShowTree, actor_name
from simulacra.actors.data.trees.trees import (
    POOL,
    TREES,
    DropTree,
    HaveTree,
    ListTrees,
    PauseTree,
    specs,
)
from simulacra.actors.runtime import ActorSystem, Flags, Ref, StartError, Supervisor
from tests.actors.data.trees.sides import Side, two_sides
from tests.support import eventually

WITHIN = 60.0


class Host:
    """A host's table of trees."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.state = side.folder / "trees"
        self.state.mkdir()
        self.system: ActorSystem = side.node.system

    def start(self) -> None:
        flags = Flags(strategy="one_for_one", intensity=10, period=10.0)
        trees = specs(self.side.name, self.state, self.side.means)
        self.top = self.system.spawn(Supervisor, flags, trees)

    def table(self) -> Ref:
        found = self.system.whereis(TREES)
        assert found is not None
        return found

    def tree(self, name: str) -> Ref | None:
        return self.system.whereis(actor_name(name))

    def definition(self, name: str, **other: Any) -> Definition:
        root = self.side.folder / name
        root.mkdir(exist_ok=True)
        return Definition(name, name, str(root), origin=True, **other)

    def until(self, name: str, state: str) -> None:
        def is_so() -> bool:
            tree = self.tree(name)
            return tree is not None and tree.ask(ShowTree())["state"] == state

        eventually(is_so, WITHIN)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with two_sides(tmp_path) as (a, _):
        host = Host(a)
        host.start()
        yield host


def test_a_tree_is_had_changed_paused_and_dropped(host: Host) -> None:
    one, two = host.definition("one"), host.definition("two")
    for each in (two, one):
        host.table().ask(HaveTree(each))
    assert host.table().ask(ListTrees()) == [one, two]
    for name in ("one", "two"):
        host.until(name, "idle")

    host.table().ask(PauseTree("one", True))
    host.until("one", "paused")
    assert host.table().ask(ListTrees()) == [replace(one, paused=True), two]

    before = host.tree("two")
    slower = replace(two, rate=5000)
    host.table().ask(HaveTree(slower))
    host.until("two", "idle")
    assert host.tree("two") != before

    (Path(one.root) / "file").write_text("stays")
    host.table().ask(DropTree("one"))
    assert host.tree("one") is None
    assert host.table().ask(ListTrees()) == [slower]
    assert (Path(one.root) / "file").read_text() == "stays"
    host.table().ask(DropTree("one"))  # twice does no harm


def test_trees_are_there_again_when_the_host_is(host: Host) -> None:
    kept = host.definition("kept")
    host.table().ask(HaveTree(kept))
    host.table().ask(PauseTree("kept", True))
    host.system.watch(host.top)
    host.top.stop()
    eventually(lambda: host.tree("kept") is None and host.system.whereis(TREES) is None, WITHIN)
    host.start()
    host.until("kept", "paused")
    assert host.table().ask(ListTrees()) == [replace(kept, paused=True)]


def test_a_table_that_dies_finds_its_trees_at_work(host: Host) -> None:
    host.table().ask(HaveTree(host.definition("one")))
    host.until("one", "idle")
    tree, table = host.tree("one"), host.table()
    table.stop()
    eventually(lambda: host.system.whereis(TREES) not in {None, table}, WITHIN)
    assert [each.id for each in host.table().ask(ListTrees())] == ["one"]
    assert host.tree("one") == tree


def test_what_cannot_be_wanted_changes_nothing(host: Host) -> None:
    one = host.definition("one")
    host.table().ask(HaveTree(one))
    tree = host.tree("one")
    with pytest.raises(ValueError, match="pattern"):
        host.table().ask(HaveTree(replace(one, exclude=("\\",))))
    eventually(lambda: host.system.whereis(TREES) is not None, WITHIN)  # it begins again
    assert host.table().ask(ListTrees()) == [one]
    assert host.tree("one") == tree


def test_a_damaged_file_of_definitions_is_said_and_not_written_over(host: Host) -> None:
    host.top.stop()
    eventually(lambda: host.system.whereis(POOL) is None, WITHIN)
    file = host.state / "trees.json"
    file.write_text("{")
    with pytest.raises(StartError, match=r"trees\.json cannot be read"):
        host.start()
    assert file.read_text() == "{"
