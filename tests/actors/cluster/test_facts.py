from __future__ import annotations

from typing import Any

import pytest

from simulacra.actors.cluster.clock import Stamp
from simulacra.actors.cluster.ed25519 import is_signed
from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import NO_EPOCH, Fact, Form, Key, Origin
from tests.actors.cluster.replicas import NETWORK, OWNER, signer

ORIGIN = Origin.of("a", signer("a").key, 7)


def fact(text: str = "1", form: Form = Form.VALUE) -> Fact:
    key = Key("service", "", "web")
    plain = Fact(ORIGIN, 3, key, form, text, NO_EPOCH, Stamp(5, 6))
    owner = OWNER.key, lambda content: bytes.fromhex(OWNER.sign(content))
    return plain.signed(NETWORK, lambda text: bytes.fromhex(signer("a").sign(text)), owner)


def test_it_travels_as_it_is() -> None:
    assert Fact.from_plain(ORIGIN, fact().to_plain()) == fact()


def test_the_signature_is_over_all_and_the_network() -> None:
    said = fact()
    key, signature = signer("a").key, said.signature.hex()
    assert is_signed(key, said.content(NETWORK), signature)
    assert not is_signed(key, said.content("another"), signature)
    assert not is_signed(key, fact("2").content(NETWORK), signature)


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, -1), (0, True), (0, 2**63), (1, ""), (3, "a b"), (4, "maybe"), (5, "{"), (10, b"short")],
)
def test_what_is_damaged_is_refused(at: int, value: Any) -> None:
    data = fact().to_plain()
    data[at] = value
    with pytest.raises(FactError):
        Fact.from_plain(ORIGIN, data)


@pytest.mark.parametrize("data", [None, 5, [], [1, 2], {"a": 1}])
def test_what_is_no_fact_is_refused(data: Any) -> None:
    with pytest.raises(FactError, match="not a fact"):
        Fact.from_plain(ORIGIN, data)


def test_a_deletion_names_dots() -> None:
    deletion = fact('[["b","0123456789abcdef",4,9]]', Form.DELETED)
    assert deletion.deletes == ((Origin("b", "0123456789abcdef", 4), 9),)


@pytest.mark.parametrize("text", ["1", "[1]", '[["b"]]', '[["b","0",4,9]]', '[["b",1,4,9]]'])
def test_a_deletion_that_is_damaged_names_nothing(text: str) -> None:
    assert fact(text, Form.DELETED).deletes == ()
