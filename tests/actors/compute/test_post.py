"""Post offices on two real nodes: packets routed, parties found, the node's own mail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulacra.actors.compute import computing  # noqa: F401 (registers what travels)
from simulacra.actors.compute.letters import Gone, Letter, Located, NotFound, Parcel, Place
from simulacra.actors.compute.post import Post
from simulacra.actors.compute.post_messages import (
    POST,
    Complete,
    Enter,
    Find,
    FindFor,
    Forget,
    Found,
    IncompleteError,
    Leave,
    Mail,
    Resolve,
)
from simulacra.actors.runtime import AskTimeoutError, Ref
from tests.actors.runtime.nodes import Network, Node, eventually
from tests.support import Scripted, seen

A, B = Place(1, 1, "a"), Place(2, 1, "b")
BOB = "bob#1"


class Offices:
    """Two nodes with a post office each; ``absent`` is who is said to be out of reach."""

    def __init__(self, a: Node, b: Node) -> None:
        self.nodes = {"a": a, "b": b}
        self.absent: list[str] = []
        self.posts = {name: self._open(name) for name in self.nodes}

    def _open(self, name: str) -> Ref:
        others = [other for other in self.nodes if other != name]
        return self.nodes[name].system.spawn(
            Post, name, lambda _: others, lambda: self.absent, name=POST
        )

    def complete(self) -> None:
        for post in self.posts.values():
            post.tell(Complete())

    def live(self, host: str, party: str = BOB) -> Ref:
        """Somebody who lives on a host."""
        ref = self.nodes[host].system.spawn(Scripted)
        place = Place(1, 1, host)
        self.posts[host].tell(Enter(party, party.partition("#")[0], place, ref))
        return ref

    def resolve(self, name: str, asking: str = "a") -> tuple[Found | None, bool]:
        answer = self.posts[asking].ask(Resolve(name))
        return answer.found, answer.certain


@pytest.fixture
def offices() -> Iterator[Offices]:
    with Network("a", "b") as network:
        offices = Offices(*network.two())
        offices.complete()
        yield offices


def parcel(to: str) -> Parcel:
    return Parcel(Letter("ann#1", to, 1, "tell", "", b"hello"), A, ((1, 1),))


def test_a_packet_goes_to_who_lives_here_and_follows_who_left(offices: Offices) -> None:
    here, there = offices.live("a"), offices.live("b")
    offices.posts["a"].tell(parcel(BOB))
    eventually(lambda: seen(here) == [parcel(BOB)])
    offices.posts["a"].tell(Leave(BOB, B, settled=True))
    offices.posts["a"].tell(parcel(BOB))
    [forwarded] = eventually(lambda: seen(there))
    assert forwarded.letter == parcel(BOB).letter
    assert len(seen(here)) == 1


def test_the_newest_place_is_the_answer_from_everywhere(offices: Offices) -> None:
    offices.live("a")
    offices.posts["a"].tell(Leave(BOB, B, settled=False))
    offices.posts["b"].tell(Enter(BOB, "bob", B, offices.nodes["b"].system.spawn(Scripted)))
    for asking in "ab":
        assert offices.resolve("bob", asking) == (Found(BOB, B), True)


def test_nobody_is_certain_only_while_all_are_within_reach(offices: Offices) -> None:
    assert offices.resolve("bob") == (None, True)
    offices.absent = ["c"]
    assert offices.resolve("bob") == (None, False)
    with pytest.raises(LookupError, match="within reach is called 'bob', and c cannot be asked"):
        offices.posts["a"].ask(Mail("bob", b"hello"))


def test_who_has_just_started_cannot_say_that_nobody_is_here() -> None:
    with Network("a", "b") as network:
        offices = Offices(*network.two())
        with pytest.raises(IncompleteError, match="a has just started"):
            offices.posts["a"].ask(Find(name="bob"))
        offices.posts["a"].tell(Complete())
        assert offices.resolve("bob") == (None, False)  # b has not said so yet


def test_a_computation_is_told_where_a_party_is_or_that_it_is_gone(offices: Offices) -> None:
    offices.live("b")
    asker = offices.nodes["a"].system.spawn(Scripted)
    offices.posts["a"].tell(FindFor(BOB, asker))
    assert eventually(lambda: seen(asker)) == [Located(BOB, Place(1, 1, "b"))]
    offices.posts["b"].tell(Forget(BOB))
    offices.posts["a"].tell(FindFor(BOB, asker))
    assert eventually(lambda: seen(asker)[1:]) == [NotFound(BOB)]


def test_mail_of_the_node_is_taken_up_and_an_ask_has_its_time(offices: Offices) -> None:
    bob = offices.live("b")
    with pytest.raises(LookupError, match="nobody in the network is called 'eve'"):
        offices.posts["a"].ask(Mail("eve", b"hello"))
    assert offices.posts["a"].ask(Mail("bob", b"hello")) is None
    [first] = eventually(lambda: bodies(bob))
    assert first == b"hello"
    with pytest.raises(AskTimeoutError, match="no answer in time"):
        offices.posts["a"].ask(Mail("bob", b"well?", ask=True, timeout=0.05))


def test_what_comes_too_late_for_a_party_goes_to_who_has_its_name_now(offices: Offices) -> None:
    bob = offices.live("b")
    offices.posts["a"].ask(Mail("bob", b"first"))
    [packet] = eventually(lambda: [p for p in seen(bob) if isinstance(p, Parcel)][:1])
    heir = offices.live("b", "bob#2")
    offices.posts["b"].tell(Enter(BOB, "", Place(1, 1, "b"), bob))
    offices.posts["a"].tell(Gone(BOB, packet.letter.sender, 0, "it was stopped"))
    eventually(lambda: b"first" in bodies(heir))


def bodies(ref: Ref) -> list[Any]:
    return [packet.letter.body for packet in seen(ref) if isinstance(packet, Parcel)]
