from __future__ import annotations

from dataclasses import replace

import pytest

from simulacra.actors.cluster.admissions import Admission, bind, name_owner
from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.invitations import Token
from simulacra.actors.cluster.names import Names, Place, Thing
from simulacra.actors.cluster.reception import (
    DoorKeys,
    Knock,
    Reception,
    Refusal,
    Welcome,
    judge,
)
from simulacra.actors.cluster.roll import Roll
from tests.actors.cluster.admitting import NOW, Network, curve, signer

HOME = Network()
ROLL = Roll.of(
    HOME.root,
    [
        HOME.admit("nas", at=NOW - 100),
        HOME.admit("phone", at=NOW - 50, role="outside"),
        HOME.admit("gone", at=NOW - 50),
    ],
)
ROLL = ROLL.add(*ROLL.expel("gone", HOME.owner, at=NOW - 10, reason="stolen"))
NAS = signer("nas")


def question(token: Token, host: str = "desk", keys: str = "desk") -> Knock:
    return Knock(token.invitation, bind(token, host=host, curve=curve(keys), own=signer(keys)))


def refused(
    knock: Knock, *, keys: str = "desk", own: Signer = NAS, roll: Roll = ROLL, now: int = NOW
) -> Refusal:
    judged = judge(knock, curve(keys), roll, own, now)
    assert isinstance(judged, Refusal)
    return judged


def let_in(knock: Knock, keys: str = "desk", roll: Roll = ROLL, now: int = NOW) -> Admission:
    judged = judge(knock, curve(keys), roll, NAS, now)
    assert isinstance(judged, Admission)
    return judged


def test_who_is_invited_is_let_in_and_is_a_member_by_the_roll() -> None:
    roll = ROLL.add(let_in(question(HOME.invite())))
    member = roll.host("desk")
    assert member is not None
    assert (member.curve, member.role, member.since) == (curve("desk"), "inside", NOW)


def test_knocking_again_gives_the_same_admission_even_when_expired() -> None:
    knock = question(HOME.invite())
    first = let_in(knock)
    assert let_in(knock, roll=ROLL.add(first), now=NOW + 10**6) == first


def test_an_invitation_is_good_once() -> None:
    token = HOME.invite()
    roll = ROLL.add(let_in(question(token)))
    refusal = refused(question(token, "other", "other"), keys="other", roll=roll)
    assert refusal.code == "used"
    assert "used before, by desk" in refusal.text
    assert "simulacra invite" in refusal.text


def test_an_expired_invitation_is_refused_by_the_members_clock() -> None:
    knock = question(HOME.invite(expires=NOW + 10))
    assert let_in(knock, now=NOW + 10).at == NOW + 10
    refusal = refused(knock, now=NOW + 25)
    assert refusal.code == "expired"
    assert "expired 15 s ago by the clock of nas" in refusal.text


def test_a_members_clock_that_was_set_back_lets_in_all_the_same() -> None:
    admission = let_in(question(HOME.invite()), now=NOW - 10**6)
    assert admission.at == NOW - 99
    assert ROLL.add(admission).host("desk") is not None


def test_an_invitation_of_another_network() -> None:
    refusal = refused(question(Network("other", signer("other owner")).invite()))
    assert refusal.code == "other_network"
    assert "another network (other" in refusal.text


def test_an_invitation_of_somebody_who_is_no_owner() -> None:
    second = signer("second")
    knock = question(HOME.invite(owner=second))
    assert refused(knock).code == "not_invited"
    roll = ROLL.add(name_owner(HOME.root, second.key, "berta", HOME.owner))
    assert roll.add(let_in(knock, roll=roll)).host("desk") is not None


def test_a_changed_binding_and_one_without_the_token() -> None:
    knock = question(HOME.invite())
    renamed = replace(knock, binding=replace(knock.binding, host="other"))
    assert refused(renamed).code == "malformed"
    longer = replace(knock, invitation=replace(knock.invitation, expires=NOW + 10**7))
    assert refused(longer).code == "malformed"


def test_a_binding_replayed_by_another_key() -> None:
    assert refused(question(HOME.invite()), keys="thief").code == "wrong_key"


def test_a_taken_name() -> None:
    refusal = refused(question(HOME.invite(), "nas"))
    assert refusal.code == "name_taken"
    assert "--name" in refusal.text


def test_a_member_that_was_invited_again_keeps_its_keys() -> None:
    admission = let_in(question(HOME.invite(), "phone", "phone"), keys="phone")
    member = ROLL.add(admission).host("phone")
    assert member is not None
    assert member.role == "inside"


@pytest.mark.parametrize("name", ["gone", "new-name"])
def test_an_expelled_key_stays_out(name: str) -> None:
    refusal = refused(question(HOME.invite(), name, "gone"), keys="gone")
    assert refusal.code == "expelled"
    assert "stolen" in refusal.text
    assert "simulacra keys reset" in refusal.text


@pytest.mark.parametrize("own", ["phone", "gone", "stranger"])
def test_who_is_no_inside_member_lets_nobody_in(own: str) -> None:
    refusal = refused(question(HOME.invite()), own=signer(own))
    assert refusal.code == "no_member"
    assert "join at another" in refusal.text


NAMES = Names.of([Thing("tree", "photos", ()), Thing("host", "phone", (Place("phone"),))])


class Desk:
    """A reception with a roll that grows."""

    def __init__(self) -> None:
        self.roll = ROLL
        self.kept = 0
        self.reception = Reception(
            "home",
            NAS,
            DoorKeys("public", "secret"),
            roll=lambda: self.roll,
            record=self.record,
            places=lambda: {"nas": "nas.local:7400"},
            free=lambda name: NAMES.check_free(name, "host"),
            clock=lambda: NOW + 0.5,
        )

    def record(self, admission: Admission) -> None:
        self.kept += 1
        self.roll = self.roll.add(admission)


def test_the_welcome_proves_itself_and_an_answer_lost_is_given_again() -> None:
    desk, knock = Desk(), question(HOME.invite())
    first = desk.reception.answer(knock, curve("desk"))
    assert isinstance(first, Welcome)
    assert first == desk.reception.answer(knock, curve("desk"))
    assert desk.kept == 1
    assert (first.by, first.network, first.door) == ("nas", "home", DoorKeys("public", "secret"))
    assert [place.address for place in first.places] == ["nas.local:7400"]
    assert first.roll().members == desk.roll.members
    assert "secret'" not in repr(first)


def test_an_outside_host_is_not_given_the_doors_key() -> None:
    welcome = Desk().reception.answer(question(HOME.invite(role="outside")), curve("desk"))
    assert isinstance(welcome, Welcome)
    assert welcome.door is None


@pytest.mark.parametrize("name", ["photos", "localhost"])
def test_a_host_does_not_take_the_name_of_a_tree_nor_a_reserved_word(name: str) -> None:
    desk = Desk()
    refusal = desk.reception.answer(question(HOME.invite(), name), curve("desk"))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "name_taken"
    assert desk.kept == 0
    phone = question(HOME.invite(), "phone", "phone")
    assert isinstance(desk.reception.answer(phone, curve("phone")), Welcome)


def test_a_refusal_records_nothing() -> None:
    desk = Desk()
    assert isinstance(desk.reception.answer(question(HOME.invite(), "nas"), curve("desk")), Refusal)
    assert desk.kept == 0
