"""The kinds of facts, and who may author each.

| rule | who |
| --- | --- |
| own | a host of itself: the subject is the origin's host |
| witness | every member under its own name: the name is the origin's host |
| holder | every member of a thing that it holds: the value is a map whose ``host`` is the origin's host, as its epoch's is; for a thing that moves the epoch grows with each move |
| member | every member |
| network | an owner, by endorsement, or the master, under its own epoch |

A kind that is not known (of newer software) is kept and passed on, and not shown. So is a fact that
its origin may not author: all replicas hold the same, and none believes it.
"""  # noqa: E501 - the table

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from simulacra.actors.cluster.facts import Fact, Form, Origin

DAY: Final = 24 * 3600 * 1000


class Rule(Enum):
    """Who may author; see the module."""

    OWN = auto()
    WITNESS = auto()
    HOLDER = auto()
    MEMBER = auto()
    NETWORK = auto()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of facts.

    Attributes:
        rule: who may author it.
        keep: milliseconds for which a deletion stays known as such. Only where several hosts speak
            under one key is that needed: whoever was cut off for longer, and said something under
            it that the deleter never saw, is taken to have said it anew.
    """

    rule: Rule
    keep: int = 60 * DAY


KINDS: Final[Mapping[str, Kind]] = {
    "host": Kind(Rule.OWN, 0),  # cores, memory, arch, kvm, gpu, battery, metered, zone, addresses
    "away": Kind(Rule.OWN, 0),  # since when a host is detached, and when it is expected
    "device": Kind(Rule.OWN, 0),
    "route": Kind(Rule.OWN, 0),
    "suspicion": Kind(Rule.WITNESS, 0),
    "name": Kind(Rule.HOLDER, DAY),
    "tree": Kind(Rule.HOLDER),
    "copy": Kind(Rule.OWN, 0),  # of a tree, by the tree's id
    "service": Kind(Rule.MEMBER),
    "split": Kind(Rule.MEMBER),
    "setting": Kind(Rule.NETWORK),
    "role": Kind(Rule.NETWORK),
}


class Trust(Protocol):
    """What a replica has to know of keys; mostly the network's roll."""

    def signing_key(self, origin: Origin) -> str | None:
        """The whole key, in hexadecimal, of a host that was ever let in with it; None if none."""

    def is_member(self, origin: Origin) -> bool:
        """Whether what it says counts now: it was let in and not expelled."""

    def is_owner(self, key: str) -> bool:
        """Whether a public key, in hexadecimal, is an owner's."""


def why_not(fact: Fact, trust: Trust, kinds: Mapping[str, Kind] = KINDS) -> str | None:
    """Why a fact's origin may not author it; None if it may, or if the kind is not known."""
    kind = kinds.get(fact.key.kind)
    if kind is None or fact.form is Form.GONE:
        return None
    problem = _problem(kind.rule, fact, trust)
    return None if problem is None else f"{fact.origin.host} may not say {fact.key}: {problem}"


def _problem(rule: Rule, fact: Fact, trust: Trust) -> str | None:
    host = fact.origin.host
    match rule:
        case Rule.OWN if fact.key.subject != host:
            return "only the host itself may"
        case Rule.WITNESS if fact.key.name != host:
            return "a witness speaks under its own name"
        case Rule.HOLDER if fact.is_value and not _is_held_by(host, fact):
            return "only the host that holds it may"
        case Rule.HOLDER if fact.is_value and fact.epoch.host not in ("", host):
            return "an epoch is of the host that speaks"
        case Rule.NETWORK if not (_is_masters(fact) or trust.is_owner(fact.owner)):
            return "only an owner may, or the master under its epoch"
    return None


def _is_held_by(host: str, fact: Fact) -> bool:
    return isinstance(fact.value, dict) and fact.value.get("host") == host


def _is_masters(fact: Fact) -> bool:
    return fact.epoch.counter > 0 and fact.epoch.host == fact.origin.host
