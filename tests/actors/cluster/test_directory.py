"""Directories of nodes that are connected in a line: a, b, c."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from simulacra.actors.cluster.counting import Change
from simulacra.actors.cluster.directory import DIRECTORY, Directory, Pace, Place
from simulacra.actors.cluster.directory_exchange import Facts, Lacking, Vector
from simulacra.actors.cluster.directory_view import DirectoryView
from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Key
from simulacra.actors.cluster.store import Store, StoreError
from simulacra.actors.runtime import Ref
from tests.actors.cluster.replicas import NETWORK, Known, replicas, signer
from tests.actors.cluster.replicas import say as say_to
from tests.actors.runtime.nodes import Network, Node, eventually

SELDOM = Pace(compare=60.0)
OFTEN = Pace(compare=0.05)


class Site:
    """A node with a directory that does not run yet."""

    def __init__(self, node: Node, path: Path, trust: Known) -> None:
        self.node = node
        self.name = node.system.name
        self.view = DirectoryView()
        self.trust = trust
        self.place = Place(self.name, NETWORK, path, signer(self.name))
        self.is_cut_off = False

    def neighbours(self) -> list[str]:
        peers = [peer.name for peer in self.node.transport.peers() if peer.is_up]
        return [] if self.is_cut_off else peers

    def start(self, pace: Pace = SELDOM) -> Ref:
        self.ref: Ref = self.node.system.spawn(
            Directory, self.view, self.place, self.trust, self.neighbours, pace=pace, name=DIRECTORY
        )
        return self.ref

    def get(self, name: str) -> Any:
        return self.view.get("service", "", name)

    def say(self, name: str, value: Any) -> None:
        self.view.say("service", "", name, value)


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[list[Site]]:
    with Network("a", "b", "c") as network:
        a, b, c = (network.node(name) for name in "abc")
        a.join(b)
        b.join(c)
        trust = Known("abc")
        yield [Site(node, tmp_path / f"{node.system.name}.sqlite", trust) for node in (a, b, c)]


def test_what_one_says_is_passed_on_to_all_at_once(sites: list[Site]) -> None:
    a, b, c = sites
    for site in sites:
        site.start()
    told: list[Change] = []
    c.view.subscribe(["service"], told.extend)
    a.say("web", {"port": 80})
    eventually(lambda: c.get("web") == {"port": 80})
    c.view.delete("service", "", "web")
    eventually(lambda: a.view.find("service") == b.view.find("service") == [])
    assert [change.key.name for change in told] == ["web", "web"]
    assert told[0].before is None
    assert told[1].after is None
    eventually(lambda: len({site.view.status().digest for site in sites}) == 1)
    assert not a.view.status().reproaches


def test_what_was_said_meanwhile_comes_when_a_directory_starts(sites: list[Site]) -> None:
    a, b, c = sites
    a.start()
    b.start()
    a.say("web", 1)
    c.start()
    eventually(lambda: c.get("web") == 1)


def test_parts_that_were_cut_off_agree_when_they_meet(sites: list[Site]) -> None:
    a, b, c = sites
    c.is_cut_off = True
    b.neighbours = lambda: ["a"]  # type: ignore[method-assign]
    for site in sites:
        site.start()
    a.say("web", 1)
    c.say("db", 2)
    eventually(lambda: b.get("web") == 1)  # what comes later would be passed on to a alone
    assert c.get("web") is None
    c.is_cut_off = False
    c.view.has_connected("b")
    eventually(lambda: (c.get("web"), b.get("db"), a.get("db")) == (1, 2, 2))


def test_what_got_lost_is_found_by_comparing(sites: list[Site]) -> None:
    a, b, _ = sites
    a.is_cut_off = b.is_cut_off = True
    a.start(OFTEN)
    b.start()
    a.say("web", 1)
    a.is_cut_off = False
    eventually(lambda: b.get("web") == 1)


def test_much_comes_in_messages_of_a_bounded_size(sites: list[Site]) -> None:
    a, b, _ = sites
    a.is_cut_off = b.is_cut_off = True
    a.start()
    others = [f"h{number}" for number in range(100)]
    a.trust.keys |= {host: signer(host).key for host in others}
    for here in replicas(others, a.trust):
        [part] = say_to(here, Key("service", "", here.origin.host), "x" * 8000).news
        a.ref.tell(Facts("h", [part.to_plain()], fresh=False))
    eventually(lambda: len(a.view.find("service")) == 100)
    b.start()
    a.is_cut_off = b.is_cut_off = False
    b.view.has_connected("a")
    eventually(lambda: len(b.view.find("service")) == 100)


def test_it_is_there_again_after_a_restart(sites: list[Site]) -> None:
    [a, *_] = sites
    a.start()
    a.say("web", 1)
    before = a.view.status().digest
    a.ref.stop()
    a.view = DirectoryView()
    a.start()
    assert a.get("web") == 1
    assert a.view.status().digest == before
    a.say("web", 2)
    assert a.view.status().origins == 1


def test_a_view_shows_what_changed_while_its_directory_was_down(sites: list[Site]) -> None:
    [a, *_] = sites
    a.start()
    a.say("web", 1)
    told: list[Change] = []
    a.view.subscribe(["service"], told.extend)
    a.ref.stop()
    a.place.path.unlink()
    a.start()
    assert a.get("web") is None
    assert [change.after for change in told] == [None]


def test_all_that_is_said_of_a_subject_is_declared(sites: list[Site]) -> None:
    [a, *_] = sites
    a.start()
    a.view.declare("device", "a", {"printer": 1, "camera": 2})
    a.view.declare("device", "a", {"printer": 1, "scanner": 3})
    found = a.view.find("device", subject="a", host="a")
    assert {fact.key.name: (fact.value, fact.n) for fact in found} == {
        "printer": (1, 1),
        "scanner": (3, 3),
    }


@pytest.mark.parametrize("name", ["", "a b", "x" * 300, "a\x07"])
def test_a_name_that_is_none_is_refused_at_the_caller(sites: list[Site], name: str) -> None:
    [a, *_] = sites
    a.start()
    with pytest.raises(FactError):
        a.say(name, 1)


def test_what_a_host_may_not_say_is_refused_and_the_directory_goes_on(sites: list[Site]) -> None:
    [a, *_] = sites
    with pytest.raises(FactError, match="not up yet"):
        a.say("web", 1)
    a.start()
    with pytest.raises(FactError, match="only the host itself may"):
        a.view.say("host", "b", "cores", 4)
    with pytest.raises(FactError, match="only the host itself may"):
        a.view.declare("host", "b", {"cores": 4})
    a.say("web", 1)
    assert a.get("web") == 1


def test_what_is_damaged_or_forged_is_refused_and_the_sender_named(sites: list[Site]) -> None:
    [a, *_] = sites
    a.start()
    [evil] = replicas("b")
    evil._network = "another"
    [part] = say_to(evil, Key("service", "", "web"), 1).news
    for message in (
        Facts("b", [part.to_plain()], fresh=True),
        Facts("b", [[1, 2]], fresh=True),
        Facts("b", None, fresh=True),  # type: ignore[arg-type]
        Vector("b", [1], [["x"]]),
        Lacking("b", [5]),
    ):
        a.ref.tell(message)
    assert a.view.status().reproaches == {"b": 5}
    assert a.view.find("service") == []


def test_who_was_expelled_does_not_count_any_more(sites: list[Site]) -> None:
    a, b, _ = sites
    a.start()
    b.start()
    a.say("web", 1)
    eventually(lambda: b.get("web") == 1)
    b.trust.expelled.add("a")
    b.view.trust_has_changed()
    eventually(lambda: b.get("web") is None)


def test_a_disk_that_takes_nothing_is_told_and_made_up_for(sites: list[Site]) -> None:
    [a, *_] = sites
    a.start()
    full = mock.Mock(side_effect=StoreError("the disk is full"))
    with mock.patch.multiple(Store, keep=full, rewrite=full):
        with pytest.raises(StoreError, match="the disk is full"):
            a.say("web", 1)
        assert not a.view.status().saved
    a.say("db", 2)
    assert a.view.status().saved
    a.ref.stop()
    a.start()
    assert (a.get("web"), a.get("db")) == (1, 2)


def test_who_subscribed_and_fails_harms_nobody(
    sites: list[Site], caplog: pytest.LogCaptureFixture
) -> None:
    [a, *_] = sites
    a.start()
    end = a.view.subscribe(["service"], mock.Mock(side_effect=ValueError("a mistake")))
    a.say("web", 1)
    end()
    a.say("web", 2)
    assert [record.message for record in caplog.records] == [
        "who subscribed to the directory failed on a change"
    ]
