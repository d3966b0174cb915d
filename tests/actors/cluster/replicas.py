"""Replicas for tests, of hosts with real keys, and what they may say."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from simulacra.actors.cluster.counting import Rules
from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.fact_texts import to_text
from simulacra.actors.cluster.facts import Form, Key, Origin
from simulacra.actors.cluster.kinds import Kind, Rule
from simulacra.actors.cluster.origins import Log, Part
from simulacra.actors.cluster.outcomes import Outcome
from simulacra.actors.cluster.replica import Replica

NETWORK = "home"
NOW = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
KEEP = 5 * MINUTE
KINDS = {
    "host": Kind(Rule.OWN, 0),
    "suspicion": Kind(Rule.WITNESS, 0),
    "name": Kind(Rule.HOLDER, KEEP),
    "service": Kind(Rule.MEMBER, KEEP),
    "setting": Kind(Rule.NETWORK, KEEP),
}
OWNER = Signer(b"o" * 32)
_lives = count(1)


def signer(host: str) -> Signer:
    """The key of a host; the same in every test."""
    return Signer(host.encode().ljust(32, b"."))


class Known:
    """Trusts some hosts."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self.keys = {host: signer(host).key for host in hosts}
        self.expelled: set[str] = set()

    def signing_key(self, origin: Origin) -> str | None:
        key = self.keys.get(origin.host)
        return key if key is not None and key.startswith(origin.key) else None

    def is_member(self, origin: Origin) -> bool:
        return origin.host in self.keys and origin.host not in self.expelled

    def is_owner(self, key: str) -> bool:
        return key == OWNER.key


def replica(
    host: str, trust: Known, logs: Iterable[Log] = (), wall: int = NOW, life: int | None = None
) -> Replica:
    """A replica in a new life, or in the one given."""
    return Replica(
        Origin.of(host, signer(host).key, life or next(_lives)),
        NETWORK,
        signer(host),
        Rules(trust, KINDS),
        new_life=lambda: next(_lives),
        logs=logs,
        wall=wall,
    )


def replicas(hosts: Iterable[str], trust: Known | None = None) -> list[Replica]:
    """Replicas of the hosts with these letters."""
    trust = trust or Known(hosts)
    return [replica(host, trust) for host in hosts]


def say(here: Replica, key: Key, value: object, wall: int = NOW) -> Outcome:
    """Say a value."""
    return here.say(key, Form.VALUE, to_text(value), wall)


def delete(here: Replica, key: Key, wall: int = NOW) -> Outcome:
    """Say that something is so no longer."""
    return here.say(key, Form.DELETED, "", wall)


def over_the_wire(parts: Iterable[Part]) -> list[Part]:
    """Parts as they arrive."""
    return [Part.from_plain(part.to_plain()) for part in parts]


def pull(here: Replica, there: Replica, wall: int = NOW) -> Outcome:
    """Take all that another has more."""
    parts = over_the_wire(there.logs.parts_for(here.logs.marks(there.logs.vector)))
    return here.merge(parts, wall)


def shown(here: Replica) -> dict[Key, object]:
    """What counts, by key."""
    return {key: fact.value for key, fact in here.counting.items()}
