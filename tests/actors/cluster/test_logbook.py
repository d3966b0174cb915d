from __future__ import annotations

from simulacra.actors.cluster.facts import Key
from simulacra.actors.cluster.logbook import Logbook
from simulacra.actors.cluster.origins import NOTHING
from tests.actors.cluster.replicas import over_the_wire, replicas, say


def book(hosts: str) -> Logbook:
    """What these hosts have said: each so many things as its place."""
    logbook = Logbook([])
    for times, here in enumerate(replicas(hosts), 1):
        for number in range(times):
            for part in say(here, Key("service", "", f"{number}"), number).news:
                logbook.take(part)
    return logbook


def test_what_another_lacks_brings_it_here() -> None:
    here, there = book("abc"), Logbook([])
    assert here.digest != there.digest
    assert not here.behind(there.vector)
    behind = there.behind(here.vector)
    assert set(behind.values()) == {NOTHING}
    assert set(behind) == set(here.vector)
    for part in over_the_wire(here.parts_for(behind)):
        there.take(part)
    assert there.vector == here.vector
    assert there.digest == here.digest
    assert not there.behind(here.vector)
    assert not list(here.parts_for(there.vector))


def test_only_of_logs_that_differ_is_anything_told() -> None:
    here = book("ab")
    there = Logbook([])
    first, second = over_the_wire(here.parts_for(there.behind(here.vector)))
    there.take(first)
    [lacking] = here.parts_for(there.marks(here.vector))
    assert lacking == second
    assert list(there.behind(here.vector)) == [second.origin]


def test_to_ask_of_an_origin_enters_nothing() -> None:
    here, there = book("a"), Logbook([])
    for origin in here.vector:
        assert len(there.of(origin)) == 0
        assert there.marks([origin]) == {origin: NOTHING}
    assert not there.vector
    assert not list(there)
