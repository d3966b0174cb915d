from __future__ import annotations

import pytest

from simulacra.actors.cluster.clock import Stamp
from simulacra.actors.cluster.fact_texts import to_text
from simulacra.actors.cluster.facts import NO_EPOCH, Epoch, Fact, Form, Key, Origin
from simulacra.actors.cluster.kinds import KINDS, why_not
from tests.actors.cluster.replicas import OWNER, Known, signer

TRUST = Known("ab")
MASTER = Epoch(2, "a")


def fact(kind: str, subject: str, name: str, value: object, epoch: Epoch = NO_EPOCH) -> Fact:
    origin = Origin.of("a", signer("a").key, 1)
    return Fact(origin, 1, Key(kind, subject, name), Form.VALUE, to_text(value), epoch, Stamp(1, 0))


@pytest.mark.parametrize(
    "said",
    [
        fact("host", "a", "cores", 4),
        fact("suspicion", "b", "a", "no answer"),
        fact("name", "", "job", {"host": "a"}),
        fact("tree", "1f", "src", {"host": "a"}, MASTER),
        fact("service", "", "web", {}),
        fact("setting", "", "dns", 1, MASTER),
        fact("newer", "", "x", 1),
    ],
)
def test_who_may_author(said: Fact) -> None:
    assert why_not(said, TRUST, KINDS) is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (fact("host", "b", "cores", 4), "only the host itself"),
        (fact("suspicion", "b", "b", "no answer"), "a witness speaks under its own name"),
        (fact("name", "", "job", {"host": "b"}), "only the host that holds it"),
        (fact("name", "", "job", "a"), "only the host that holds it"),
        (fact("tree", "1f", "src", {"host": "b"}, MASTER), "only the host that holds it"),
        (fact("tree", "1f", "src", {"host": "a"}, Epoch(9, "b")), "an epoch is of the host that"),
        (fact("setting", "", "dns", 1), "only an owner may, or the master"),
        (fact("setting", "", "dns", 1, Epoch(2, "b")), "only an owner may, or the master"),
    ],
)
def test_who_may_not(said: Fact, why: str) -> None:
    assert why in str(why_not(said, TRUST, KINDS))


def test_an_owner_may() -> None:
    said = fact("role", "b", "x", 1).signed("home", lambda _: b"", (OWNER.key, lambda _: b""))
    assert why_not(said, TRUST, KINDS) is None
