"""Who lives on a host, and where those went that lived there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulacra.actors.compute.letters import Place
from simulacra.actors.compute.post_messages import Enter, Find, Found, Leave
from simulacra.actors.compute.residents import Residents
from simulacra.actors.runtime import ActorSystem, Ref
from tests.support import Scripted

HERE, THERE = Place(1, 1, "desk"), Place(2, 1, "nas")
ANN = Find(name="ann")


@pytest.fixture
def ref() -> Iterator[Ref]:
    with ActorSystem("desk") as system:
        yield system.spawn(Scripted)


@pytest.fixture
def residents(ref: Ref) -> Residents:
    residents = Residents("desk")
    residents.enter(Enter("ann#1", "ann", HERE, ref))
    return residents


def test_who_lives_here_is_found_by_party_and_by_name(residents: Residents, ref: Ref) -> None:
    found = Found("ann#1", HERE)
    for query in (Find(party="ann#1"), ANN, Find(name="ann@desk"), Find(name="ann#1")):
        assert residents.find(query) == found, query
    for query in (Find(party="ann#2"), Find(name="bob"), Find(name="ann@nas"), Find()):
        assert residents.find(query) is None, query
    assert residents.ref("ann#1") == ref


def test_who_left_is_known_by_name_until_settled_and_by_party_until_forgotten(
    residents: Residents,
) -> None:
    residents.leave(Leave("ann#1", THERE, settled=False))
    assert residents.find(ANN) == Found("ann#1", THERE)
    residents.leave(Leave("ann#1", THERE, settled=True))
    assert residents.find(ANN) is None
    assert residents.find(Find(party="ann#1")) == Found("ann#1", THERE)
    assert (residents.ref("ann#1"), residents.gone_to("ann#1")) == (None, THERE)
    residents.forget("ann#1")
    assert residents.find(Find(party="ann#1")) is None


def test_who_comes_back_is_here_and_nowhere_else(residents: Residents, ref: Ref) -> None:
    residents.leave(Leave("ann#1", THERE, settled=False))
    back = Place(3, 1, "desk")
    residents.enter(Enter("ann#1", "ann", back, ref))
    assert residents.find(ANN) == Found("ann#1", back)
    assert residents.gone_to("ann#1") is None
    residents.enter(Enter("ann#1", "", back, ref))  # it has ended: its name is free
    assert residents.find(ANN) is None
