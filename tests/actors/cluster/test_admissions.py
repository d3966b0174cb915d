from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from simulacra.actors.cluster.admissions import (
    Record,
    bind,
    expel,
    name_owner,
    witness,
)
from simulacra.actors.cluster.records import plain, read
from tests.actors.cluster.admitting import NOW, Network, curve, signer

HOME = Network()
NAS = HOME.admit("nas", address="nas.local:7400")
GONE = expel(HOME.root, "nas", [curve("nas")], HOME.owner, at=NOW, reason="stolen", stands=["ab"])
SECOND = name_owner(HOME.root, signer("second").key, "berta", HOME.owner)


@pytest.mark.parametrize("record", [NAS, GONE, SECOND])
def test_records_are_sound_and_travel(record: Record) -> None:
    assert record.problem() is None
    back: Any = read(type(record), json.loads(json.dumps(plain(record))))
    assert (back, back.id, back.problem()) == (record, record.id, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "desk"},
        {"curve": curve("desk")},
        {"signing": signer("desk").key},
        {"address": "elsewhere:1"},
        {"invited": NAS.binding.own},
        {"own": NAS.binding.invited},
        {"host": "Nas of mine"},
        {"curve": "none"},
        {"address": "x" * 301},
    ],
)
def test_a_changed_binding_is_refused(wrong: dict[str, str]) -> None:
    binding = replace(NAS.binding, **wrong)
    assert witness(NAS.invitation, binding, NOW, HOME.owner).problem() is not None


@pytest.mark.parametrize("wrong", [{"at": NOW + 1}, {"at": -1}, {"witness": signer("x").key}])
def test_a_changed_admission_is_refused(wrong: dict[str, Any]) -> None:
    assert replace(NAS, **wrong).problem() == "the admission is not signed by its witness"


def test_a_binding_is_good_for_its_invitation_only() -> None:
    other = witness(HOME.invite().invitation, NAS.binding, NOW, HOME.owner)
    assert other.problem() == "the binding is not signed with the invitation's key"


def test_nobody_binds_the_signing_key_of_another() -> None:
    token = HOME.invite()
    stolen = bind(token, host="thief", curve=curve("thief"), own=signer("thief"))
    as_other = replace(stolen, signing=signer("nas").key)
    assert as_other.problem(token.invitation) is not None


def test_the_expiry_is_by_the_witness_clock() -> None:
    token = HOME.invite(expires=NOW)
    assert HOME.admit("nas", token=token, at=NOW).problem() is None
    assert HOME.admit("nas", token=token, at=NOW + 1).problem() == "the invitation had expired"


@pytest.mark.parametrize(
    "wrong",
    [{"keys": ("x",)}, {"keys": ()}, {"reason": "other"}, {"reason": "x" * 501}, {"stands": ()}],
)
def test_a_changed_expulsion_is_refused(wrong: dict[str, Any]) -> None:
    assert replace(GONE, **wrong).problem() is not None


@pytest.mark.parametrize("wrong", [{"key": signer("x").key}, {"name": "carl"}, {"root": "x"}])
def test_a_changed_owner_is_refused(wrong: dict[str, Any]) -> None:
    assert replace(SECOND, **wrong).problem() is not None
