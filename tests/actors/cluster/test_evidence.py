"""Which records count, each by itself; what follows for members is in test_roll."""

from __future__ import annotations

from simulacra.actors.cluster.admissions import Record, expel, name_owner
from simulacra.actors.cluster.evidence import Evidence, identity
from tests.actors.cluster.admitting import NOW, Network, curve, signer

HOME = Network()
NAS = HOME.admit("nas", at=NOW)
DESK = HOME.admit("desk", at=NOW + 1, by=signer("nas"))


def of(*records: Record) -> Evidence:
    return Evidence(HOME.root, records)


def test_admissions_count_in_the_order_of_their_time_however_they_came() -> None:
    assert list(of(DESK, NAS).counted.values()) == [NAS, DESK]
    assert identity(NAS) == (curve("nas"), signer("nas").key)


def test_a_witness_has_to_be_in_before_it_lets_others_in() -> None:
    early = HOME.admit("early", at=NOW - 1, by=signer("nas"))
    evidence = of(NAS, early)
    assert list(evidence.counted) == [NAS.id]
    assert evidence.refused == {early.id: "no member let it in"}


def test_two_who_let_one_another_in_are_not_in() -> None:
    one = HOME.admit("one", at=NOW, by=signer("two"))
    two = HOME.admit("two", at=NOW, by=signer("one"))
    assert of(one, two).counted == {}


def test_owners_who_name_one_another_are_none() -> None:
    one = name_owner(HOME.root, signer("x").key, "x", signer("y"))
    two = name_owner(HOME.root, signer("y").key, "y", signer("x"))
    evidence = of(one, two)
    assert evidence.owners == {HOME.root: "root"}
    assert set(evidence.refused) == {one.id, two.id}


def test_of_two_expulsions_the_earlier_is_told() -> None:
    keys = identity(DESK)
    first = expel(HOME.root, "desk", keys, signer("nas"), at=NOW + 2, reason="broken")
    second = expel(HOME.root, "desk", keys, HOME.owner, at=NOW + 3, reason="stolen")
    evidence = of(second, NAS, first, DESK)
    assert evidence.expulsions == (first, second)
    assert evidence.expelled == dict.fromkeys(keys, first)
    assert evidence.told(evidence.expelled[curve("desk")]) == "desk was expelled by nas: broken"
    assert evidence.told(second) == "desk was expelled by the owner root: stolen"


def test_an_expelled_hosts_expulsions_stand() -> None:
    gone = expel(HOME.root, "desk", identity(DESK), HOME.owner, at=NOW + 2)
    by_desk = expel(HOME.root, "nas", identity(NAS), signer("desk"), at=NOW + 3)
    assert set(of(NAS, DESK, gone, by_desk).expelled) == {*identity(NAS), *identity(DESK)}
