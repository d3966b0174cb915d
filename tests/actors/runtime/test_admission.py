"""Who is refused, and with which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulacra.actors.runtime.admission import refusal
from simulacra.actors.runtime.frames import Hello
from simulacra.actors.runtime.keys import Member

HELLO = Hello(2, "0.2", "nas", 7, 3, (0, 0), "tcp://nas:1", "key", (1, 1))
MEMBER = Member("nas", "key")


@pytest.mark.parametrize(
    ("wire", "upgrade"), [(0, "upgrade nas"), (4, "upgrade desk"), (1, None), (2, None), (3, None)]
)
def test_versions_more_than_one_apart_are_refused(wire: int, upgrade: str | None) -> None:
    no = refusal(replace(HELLO, wire=wire), me="desk", wire=2, member=MEMBER, holder_of_name=None)
    assert (no is None) == (upgrade is None)
    if no is not None and upgrade is not None:
        assert no.code == "wire_version"
        assert no.text.endswith(upgrade)


@pytest.mark.parametrize(
    ("me", "member", "holder", "code"),
    [
        ("desk", MEMBER, None, None),
        ("desk", MEMBER, "key", None),
        ("desk", MEMBER, "other key", "name_taken"),
        ("nas", MEMBER, None, "name_taken"),
        ("desk", None, None, "not_admitted"),
        ("desk", Member("laptop", "key"), None, "wrong_name"),
    ],
)
def test_names_and_keys(me: str, member: Member | None, holder: str | None, code: str) -> None:
    no = refusal(HELLO, me=me, wire=2, member=member, holder_of_name=holder)
    assert (no.code if no else None) == code
