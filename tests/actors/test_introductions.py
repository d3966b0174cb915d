"""Nodes come to know each other by those whom they meet."""

from __future__ import annotations

from simulacra.actors.introductions import INTRODUCTIONS, Introductions, Met
from tests.actors.runtime.nodes import eventually, two_nodes


def test_who_is_met_says_whom_it_knows_and_those_are_dialed() -> None:
    dialed: list[tuple[str, str]] = []
    with two_nodes() as (a, b):
        known = [("tcp://127.0.0.1:1", "key-c"), ("tcp://127.0.0.1:2", "key-d")]
        asking = a.system.spawn(
            Introductions, list, lambda *to: dialed.append(to), name=INTRODUCTIONS
        )
        b.system.spawn(Introductions, lambda: known, print, name=INTRODUCTIONS)
        asking.tell(Met("b"))
        eventually(lambda: dialed == known)


def test_one_who_does_not_answer_is_no_fault_of_the_asker() -> None:
    with two_nodes() as (a, _):
        asking = a.system.spawn(Introductions, list, print, name=INTRODUCTIONS)
        for name in ("b", "nobody"):  # b has nobody who would introduce it
            asking.tell(Met(name))
        assert asking.is_alive()
        assert a.system.ref(INTRODUCTIONS).is_alive()
