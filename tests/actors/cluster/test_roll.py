from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.admissions import (
    Admission,
    Record,
    bind,
    expel,
    name_owner,
    witness,
)
from simulacra.actors.cluster.roll import Roll
from tests.actors.cluster.admitting import NOW, Network, curve, signer

HOME = Network()
ROOT = HOME.root
NAS = HOME.admit("nas", at=NOW)
DESK = HOME.admit("desk", at=NOW + 1, by=signer("nas"))
PHONE = HOME.admit("phone", at=NOW + 2, by=signer("desk"), role="outside", address="phone:1")


def names(roll: Roll) -> list[str]:
    return [member.host for member in roll.members]


def roll_of(*records: Record) -> Roll:
    return Roll.of(ROOT, records)


def test_members_have_keys_roles_and_addresses() -> None:
    roll = roll_of(PHONE, DESK, NAS)
    assert names(roll) == ["desk", "nas", "phone"]
    phone = roll.holder(curve("phone"))
    assert phone is not None
    assert phone == roll.holder(signer("phone").key) == roll.host("phone")
    assert (phone.role, phone.address, phone.since) == ("outside", "phone:1", NOW + 2)
    assert roll.why_not(curve("phone")) is None
    assert roll.used_by(NAS.invitation.key) == NAS
    assert "simulacra invite" in str(roll.why_not(curve("stranger")))


def test_another_networks_records_do_nothing() -> None:
    other = Network("home", signer("other owner"))
    roll = roll_of(NAS, other.admit("evil"))
    assert names(roll) == ["nas"]
    assert roll.problem(other.admit("evil")) == "it is of another network"


def test_a_record_that_was_changed_is_left_out() -> None:
    changed = replace(DESK, at=NOW + 7)
    roll = roll_of(NAS, changed)
    assert names(roll) == ["nas"]
    assert roll.problem(changed) == "the admission is not signed by its witness"


def test_only_owners_invite() -> None:
    forged = HOME.admit("evil", token=HOME.invite(owner=signer("evil owner")))
    roll = roll_of(NAS, forged)
    assert names(roll) == ["nas"]
    assert roll.refused()[forged.id] == "it is not signed by an owner of this network"


def test_a_second_owner_invites_and_a_third() -> None:
    second = name_owner(ROOT, signer("second").key, "berta", HOME.owner)
    third = name_owner(ROOT, signer("third").key, "carl", signer("second"))
    by_third = HOME.admit("desk", token=HOME.invite(owner=signer("third")), by=signer("third"))
    assert names(roll_of(by_third, third)) == []
    roll = roll_of(by_third, third, second)
    assert names(roll) == ["desk"]
    assert set(roll.owners.values()) == {"root", "berta", "carl"}
    self_named = name_owner(ROOT, signer("x").key, "x", signer("x"))
    assert self_named.id in roll_of(self_named).refused()


@pytest.mark.parametrize("witness", ["stranger", "phone"])
def test_strangers_and_outside_hosts_let_nobody_in(witness: str) -> None:
    late = HOME.admit("late", at=NOW + 9, by=signer(witness))
    roll = roll_of(NAS, DESK, PHONE, late)
    assert "late" not in names(roll)
    assert roll.why_not(curve("late")) == "no member let it in"


def test_of_two_uses_of_an_invitation_the_earlier_counts() -> None:
    token = HOME.invite()
    late = HOME.admit("late", token=token, at=NOW + 5, by=signer("nas"))
    early = HOME.admit("early", token=token, at=NOW + 4, by=signer("desk"))
    assert names(roll_of(NAS, DESK, late)) == ["desk", "late", "nas"]
    roll = roll_of(NAS, DESK, late, early)
    assert names(roll) == ["desk", "early", "nas"]
    assert "was used by early before" in str(roll.why_not(curve("late")))


def test_of_two_hosts_with_a_name_the_first_is_a_member_until_it_goes() -> None:
    other = HOME.admit("nas", keys="other", at=NOW + 5, by=signer("nas"))
    roll = roll_of(NAS, other)
    assert roll.host("nas") == roll.holder(curve("nas"))
    assert "another host was named nas before" in str(roll.why_not(curve("other")))
    gone = roll.expel("nas", HOME.owner, at=NOW + 6)
    assert roll.add(*gone).host("nas") == roll.add(*gone).holder(curve("other")) is not None


def test_an_older_host_that_is_renamed_takes_no_name_of_a_younger_one() -> None:
    renamed = HOME.admit("desk", keys="nas", at=NOW + 5)
    roll = roll_of(NAS, DESK, renamed)
    assert roll.host("desk") == roll.holder(curve("desk"))
    assert "another host was named desk before" in str(roll.why_not(curve("nas")))


def test_a_host_let_in_again_has_the_later_name_and_role() -> None:
    again = HOME.admit("telephone", keys="phone", at=NOW + 9, by=signer("nas"))
    member = roll_of(NAS, DESK, PHONE, again).holder(curve("phone"))
    assert member is not None
    assert (member.host, member.role, member.since) == ("telephone", "inside", NOW + 2)


def test_a_key_of_another_host_is_not_taken() -> None:
    token = HOME.invite()
    binding = bind(token, host="thief", curve=curve("nas"), own=signer("thief"))
    stolen = witness(token.invitation, binding, NOW + 5, HOME.owner)
    roll = roll_of(NAS, stolen)
    assert names(roll) == ["nas"]
    assert roll.why_not(signer("thief").key) == "one of its keys is another host's"


def test_who_was_let_in_by_nobody_takes_no_other_out_with_itself() -> None:
    token, thief = HOME.invite(), signer("thief")
    binding = bind(token, host="thief", curve=curve("nas"), own=thief)
    claim = witness(token.invitation, binding, NOW + 5, thief)
    leaves = expel(ROOT, "nas", [curve("nas"), thief.key], thief, at=NOW + 6)
    assert names(roll_of(NAS, claim, leaves)) == ["nas"]


def test_expulsion_is_for_ever_and_says_why() -> None:
    roll = roll_of(NAS, DESK, PHONE)
    gone = roll.expel("desk", HOME.owner, at=NOW + 3, reason="stolen on the train")
    after = roll.add(*gone, HOME.admit("desk", at=NOW + 9))
    assert names(after) == ["nas", "phone"]
    told = "desk was expelled by the owner root: stolen on the train"
    assert after.why_not(curve("desk")) == after.why_not(signer("desk").key) == told
    assert names(after.add(HOME.admit("desk", keys="new", at=NOW + 9))) == ["desk", "nas", "phone"]


def test_what_an_expelled_host_let_in_later_or_unseen_does_not_count() -> None:
    roll = roll_of(NAS, DESK, PHONE)
    gone = roll.expel("desk", signer("nas"), at=NOW + 3)
    backdated = HOME.admit("evil", at=NOW + 2, by=signer("desk"))
    after = roll.add(backdated, *gone)
    assert names(after) == ["nas", "phone"]
    assert "desk let it in, which was expelled" in str(after.why_not(curve("evil")))
    assert after.why_not(curve("desk")) == "desk was expelled by nas"


def test_what_an_expelled_host_let_in_stays_however_much_it_is() -> None:
    guests = [HOME.admit(f"guest-{number}", at=NOW + 2, by=signer("nas")) for number in range(120)]
    roll = roll_of(NAS, *guests)
    gone = roll.expel("nas", HOME.owner, at=NOW + 3)
    assert len(gone) == 2
    assert len(roll.add(*gone).members) == 120
    assert len(roll.add(gone[0]).members) == 100
    assert len(roll.add(*gone).let_in) == 121


def test_who_leaves_in_peace_is_trusted_in_what_it_did() -> None:
    roll = roll_of(NAS, DESK, PHONE)
    left = roll.add(*roll.expel("desk", signer("desk"), at=NOW + 3))
    assert names(left) == ["nas", "phone"]
    assert left.why_not(curve("desk")) == "desk left"
    bare = expel(ROOT, "desk", [curve("desk"), signer("desk").key], signer("desk"), at=NOW + 3)
    assert names(roll.add(bare)) == ["nas", "phone"]


@pytest.mark.parametrize("by", ["stranger", "phone"])
def test_strangers_and_outside_hosts_expel_nobody(by: str) -> None:
    forged = expel(ROOT, "nas", [curve("nas"), signer("nas").key], signer(by), at=NOW)
    roll = roll_of(NAS, DESK, PHONE, forged)
    assert "nas" in names(roll)
    assert roll.refused()[forged.id] == "it is signed by nobody who may expel"


def test_a_stranger_who_leaves_takes_no_member_along() -> None:
    keys = [curve("nas"), signer("nas").key, signer("stranger").key]
    assert names(roll_of(NAS, expel(ROOT, "nas", keys, signer("stranger"), at=NOW))) == ["nas"]


def test_who_has_no_such_name_is_not_expelled() -> None:
    with pytest.raises(KeyError):
        roll_of(NAS).expel("desk", HOME.owner, at=NOW)


# -- any records, in any order

HOSTS = ["a", "b", "c", "d"]
KEYS = [*HOSTS, "e"]
TOKENS = [HOME.invite(role=role) for role in ("inside", "inside", "inside", "outside")]
TOKENS += [HOME.invite(owner=signer("second")), HOME.invite(owner=signer("stranger"))]
SIGNERS = ["owner", "second", "stranger", *KEYS]

admissions = st.builds(
    lambda host, keys, token, by, at: HOME.admit(
        host, keys=keys, token=TOKENS[token], by=signer(by), at=NOW + at
    ),
    st.sampled_from(HOSTS),
    st.sampled_from(KEYS),
    st.integers(0, len(TOKENS) - 1),
    st.sampled_from(SIGNERS),
    st.integers(0, 5),
)
expulsions = st.builds(
    lambda keys, by, at: expel(
        ROOT, keys, [curve(keys), signer(keys).key], signer(by), at=NOW + at
    ),
    st.sampled_from(KEYS),
    st.sampled_from(SIGNERS),
    st.integers(0, 5),
)
owners = st.builds(
    lambda key, by: name_owner(ROOT, signer(key).key, key, signer(by)),
    st.sampled_from(["second", "stranger", "third"]),
    st.sampled_from(["owner", "second", "third"]),
)
several = st.lists(admissions | expulsions | owners, max_size=9)
FOUNDER = HOME.admit("a", at=NOW - 1)


def told(roll: Roll) -> object:
    reasons = [roll.why_not(curve(keys)) for keys in KEYS]
    return roll.members, reasons, roll.refused(), roll.owners, roll.expulsions


@given(several, st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(records: list[Record], random: object) -> None:
    first = roll_of(FOUNDER, *records)
    shuffled = [FOUNDER, *records, *records]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one_by_one = Roll.of(ROOT)
    for record in shuffled:
        one_by_one = one_by_one.add(record)
    assert told(first) == told(one_by_one)


@given(several, several, st.sampled_from(KEYS))
def test_an_expelled_key_never_returns(
    records: list[Record], later: list[Record], keys: str
) -> None:
    gone = expel(ROOT, keys, [curve(keys), signer(keys).key], HOME.owner, at=NOW)
    roll = roll_of(FOUNDER, *records, gone).add(*later)
    assert roll.holder(curve(keys)) is None
    assert roll.holder(signer(keys).key) is None


@given(several, several)
def test_expelled_keys_only_become_more(records: list[Record], later: list[Record]) -> None:
    roll = roll_of(FOUNDER, *records)
    more = roll.add(*later)
    assert set(roll.expelled) <= set(more.expelled)
    assert all(more.holder(key) is None for key in roll.expelled)


@given(several)
def test_records_without_an_owners_admit_nobody(records: list[Record]) -> None:
    """Whatever anybody but an owner signs, without an invitation by an owner nobody is in."""
    forged = [
        each
        for each in records
        if not (isinstance(each, Admission) and each.invitation.owner == ROOT)
        and not (not isinstance(each, Admission) and each.by == ROOT)
    ]
    assert roll_of(*forged).members == ()


@given(several)
def test_members_are_consistent(records: list[Record]) -> None:
    roll = roll_of(FOUNDER, *records)
    assert len({each.host for each in roll.members}) == len(roll.members)
    invitations = [roll.used_by(token.invitation.key) for token in TOKENS]
    used = [each.binding.signing for each in invitations if each is not None]
    for member in roll.members:
        assert roll.holder(member.curve) == roll.holder(member.signing) == member
        assert member.signing in used or member.signing == signer("a").key
    for keys in KEYS:
        assert (roll.why_not(curve(keys)) is None) == (roll.holder(curve(keys)) is not None)
