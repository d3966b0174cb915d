"""Who is in is known everywhere: hosts that meet compare, and what is new is told on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from simulacra.actors.cluster.admissions import Record
from simulacra.actors.cluster.charter import Charter, to_plain
from simulacra.actors.cluster.registrar import REGISTRAR, Connected, Keep, Records, Registrar
from tests.actors.runtime.nodes import Node, eventually, two_nodes

from .networks import NOW, Host, Network

World = tuple[Network, dict[str, Charter], dict[str, list[Record]]]


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def nodes() -> Iterator[dict[str, Node]]:
    with ExitStack() as stack:
        a, b = stack.enter_context(two_nodes())
        yield {"a": a, "b": b}


def members(charter: Charter) -> list[str]:
    return [member.host for member in charter.roll.members]


def start(node: Node, charter: Charter, other: str) -> list[Record]:
    in_force: list[Record] = []
    node.system.spawn(
        Registrar, node.system.name, charter, lambda: [other], in_force.extend, name=REGISTRAR
    )
    return in_force


def test_hosts_that_meet_know_what_either_knew(
    network: Network, nodes: dict[str, Node], tmp_path: Path
) -> None:
    common, only_a, only_b = (network.admit(Host(name)) for name in ("x", "y", "z"))
    a = network.charter(tmp_path / "a", common, only_a)
    b = network.charter(tmp_path / "b", common, only_b)
    news_a, news_b = start(nodes["a"], a, "b"), start(nodes["b"], b, "a")
    eventually(lambda: (news_a, news_b) == ([only_b], [only_a]))
    assert members(a) == members(b) == ["x", "y", "z"]
    nodes["a"].system.ref(REGISTRAR).tell(Connected("b"))
    kept = Charter.load(tmp_path / "b" / "network.json")
    assert kept is not None
    assert members(kept) == ["x", "y", "z"]


def test_an_expulsion_is_told_at_once(
    network: Network, nodes: dict[str, Node], tmp_path: Path
) -> None:
    thief = network.admit(Host("thief"))
    a, b = (network.charter(tmp_path / name, thief) for name in "ab")
    start(nodes["a"], a, "b")
    news = start(nodes["b"], b, "a")
    expulsions = a.roll.expel("thief", network.owner, at=NOW + 9, reason="stolen")
    nodes["a"].system.ref(REGISTRAR).ask(Keep(expulsions))
    assert members(a) == []
    eventually(lambda: news == list(expulsions))
    assert members(b) == []


def test_garbage_and_forgeries_change_nothing(
    network: Network,
    nodes: dict[str, Node],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk, spy = network.admit(Host("desk")), Network().admit(Host("spy"))
    charter = network.charter(tmp_path / "b", desk)
    news = start(nodes["b"], charter, "a")
    to_b = nodes["a"].system.ref(f"{REGISTRAR}@b")
    to_b.tell(Records("a", [None, ["owner", {}], to_plain(spy)]))
    eventually(lambda: "a record that is none" in caplog.text)
    assert to_b.is_alive()
    assert (members(charter), news) == (["desk"], [])
