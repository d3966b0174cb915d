"""How hosts get new keys while everybody goes on talking. Pure.

1. A host offers its next key beside the present one. Everybody takes both, keeps that on disk, and
   says so. Who is away is waited for: it would come back to a host whose key it does not know.
2. When all have said so, the host says that it turns to its next key, and does; the others drop
   the old one once they hear the new one (`doors`).

So at no time do two hosts that are up have no key in common, whatever is lost, comes twice or late,
and whoever breaks down in between. What a host says of its keys is a `Record` with a version that
only grows; one that is older than what is known is answered with what is known. Each host rotates
on its own, also while others do.

The plan has a key of every host as well, which may be older than the records, where the inventory
was not brought up to date, or newer, where a host was set up anew. A record therefore remembers the
keys that are past: with a key that it has never heard of the plan is right, and else the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

FIRST_WAIT: Final = 1.0
"""Seconds until what was not answered is said again, doubled each time."""
LONGEST_WAIT: Final = 60.0
PAST: Final = 32
"""How many keys of its past a record remembers."""


class RotationError(Exception):
    """A rotation cannot begin; the text says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a host says of its keys.

    Attributes:
        host: whose they are.
        version: grows with each change; 0 for what only the plan says.
        present: the public key that it has.
        next: the one that it will turn to; empty outside of a rotation.
        past: those that it had before, the latest first.
    """

    host: str
    version: int
    present: str
    next: str = ""
    past: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        """The keys by which others let it in."""
        return (self.present, self.next) if self.next else (self.present,)

    def knows(self, key: str) -> bool:
        """Whether it ever had a key, or is to have it."""
        return key in self.accepted or key in self.past


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer: up to which version a host knows, and has on disk, what another said.

    Attributes:
        by: who knows it.
        host: whose record it is; the answer goes there.
        version: of the record.
    """

    by: str
    host: str
    version: int


# -- what is to be done, in the order given; what follows after a `Keep` waits for the disk


@dataclass(frozen=True, slots=True)
class Keep:
    """Put `Rotation.kept` on disk."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Let a host in by these keys and no others, the first being the one it probably has."""

    host: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """Have this host's devices use this key from now on; nothing to do where they do."""

    key: str


@dataclass(frozen=True, slots=True)
class Say:
    """Send a record or an answer to a host, at most once."""

    to: str
    what: Record | Heard


Command: TypeAlias = Keep | Accept | Turn | Say


@dataclass(frozen=True, slots=True)
class Kept:
    """What outlives a break-down.

    Attributes:
        own: this host's record.
        heard: up to which version of it the others know it.
        others: the records of others, by host.
    """

    own: Record
    heard: Mapping[str, int]
    others: Mapping[str, Record]


class Rotation:
    """One host's part in the rotations of all.

    Args:
        host: this host.
        plan: by host, its key and its next one (or nothing) as the plan says, also of this one;
            hosts that cannot answer, as phones cannot, are left out.
        kept: what was on disk.
    """

    def __init__(
        self, host: str, plan: Mapping[str, tuple[str, str]], kept: Kept | None = None
    ) -> None:
        self._host = host
        self._plan = dict(plan)
        self._own = kept.own if kept else self._of_plan_alone()
        self._heard = dict(kept.heard) if kept else {}
        self._others = dict(kept.others) if kept else {}
        self._due: dict[str, float] = {}
        self._waits: dict[str, float] = {}

    # -- what is so

    @property
    def names(self) -> frozenset[str]:
        """All hosts that have keys."""
        return frozenset(self._plan)

    @property
    def own(self) -> Record:
        """This host's record."""
        return self._own

    @property
    def kept(self) -> Kept:
        """What is to be on disk."""
        return Kept(self._own, dict(self._heard), dict(self._others))

    @property
    def waiting(self) -> frozenset[str]:
        """The hosts that have not yet said that they know this one's record."""
        if not self._own.version:
            return frozenset()
        return frozenset(
            name
            for name in self._plan
            if name != self._host and self._heard.get(name, 0) < self._own.version
        )

    def record(self, host: str) -> Record:
        """What is known of another host's keys."""
        known = self._others.get(host)
        return known if known and self._is_of_plan(known) else self._planned(host)

    # -- events

    def started(self) -> list[Command]:
        """The host is up, with what was on disk: its devices may be as they were long before."""
        found: list[Command] = [Turn(self._own.present)]
        return found + [self._accept(name) for name in self._plan if name != self._host]

    def begin(self, key: str, now: float) -> list[Command]:
        """Begin to replace this host's key by a new one.

        Raises:
            RotationError: it is being replaced already, or was this host's before.
        """
        if self._own.next:
            names = ", ".join(sorted(self.waiting))
            raise RotationError(
                f"{self._host} is about to get a new key already, and waits for {names}"
            )
        if self._own.knows(key):
            raise RotationError(f"{self._host} has or had this key: make a new one")
        self._own = replace(self._own, version=self._own.version + 1, next=key)
        return [Keep(), *self._say_to_all(now), *self._turned(now)]

    def received(self, record: Record) -> list[Command]:
        """A host's record came, from itself or by way of another host that had it from there."""
        name = record.host
        if name == self._host or name not in self._plan or not self._is_of_plan(record):
            return []
        known = self.record(name)
        if record.version <= known.version:
            return [Say(name, Heard(self._host, name, known.version))]
        self._others[name] = record
        answer = Say(name, Heard(self._host, name, record.version))
        return [Keep(), self._accept(name), answer]

    def heard(self, heard: Heard, now: float) -> list[Command]:
        """Somebody knows this host's record."""
        if heard.host != self._host or heard.by not in self._plan:
            return []
        if heard.version > self._own.version:
            # What this host said before it lost its disk: it goes on after that.
            self._own = replace(self._own, version=heard.version + 1)
            return [Keep(), *self._say_to_all(now)]
        if heard.version <= self._heard.get(heard.by, 0):
            return []
        self._heard[heard.by] = heard.version
        return [Keep(), *self._turned(now)]

    def tick(self, now: float) -> list[Command]:
        """Time has passed: say again what was not answered."""
        return [self._say(name, now) for name in sorted(self.waiting) if self._is_due(name, now)]

    def appeared(self, host: str, now: float) -> list[Command]:
        """A host is up that was not: it is told at once."""
        self._waits.pop(host, None)
        return [self._say(host, now)] if host in self.waiting else []

    def planned(self, plan: Mapping[str, tuple[str, str]], now: float) -> list[Command]:
        """There is a new plan; who is not in it is waited for no more."""
        self._plan = dict(plan)
        if self._host in plan and not self._is_of_plan(self._own):
            # Set up anew, by hand: what was before counts no more.
            self._own = self._of_plan_alone()
            self._heard.clear()
        self._heard = {name: version for name, version in self._heard.items() if name in plan}
        self._others = {
            name: record
            for name, record in self._others.items()
            if name in plan and self._is_of_plan(record)
        }
        return [Keep(), *self.started(), *self._turned(now)]

    # -- inside

    def _turned(self, now: float) -> list[Command]:
        """Turn to the next key if everybody takes it."""
        own = self._own
        if not own.next or self.waiting:
            return []
        past = (own.present, *own.past)[:PAST]
        self._own = Record(self._host, own.version + 1, own.next, past=past)
        return [Keep(), Turn(own.next), *self._say_to_all(now)]

    def _say_to_all(self, now: float) -> list[Command]:
        self._waits.clear()
        return [self._say(name, now) for name in sorted(self.waiting)]

    def _say(self, name: str, now: float) -> Say:
        wait = self._waits.get(name, FIRST_WAIT)
        self._due[name] = now + wait
        self._waits[name] = min(2 * wait, LONGEST_WAIT)
        return Say(name, self._own)

    def _is_due(self, name: str, now: float) -> bool:
        return self._due.get(name, now) <= now

    def _accept(self, name: str) -> Accept:
        return Accept(name, self.record(name).accepted)

    def _of_plan_alone(self) -> Record:
        # What is to be its next key it offers itself: the plan cannot tell who has heard of it.
        return replace(self._planned(self._host), next="")

    def _planned(self, name: str) -> Record:
        key, following = self._plan[name]
        return Record(name, 0, key, following)

    def _is_of_plan(self, record: Record) -> bool:
        return record.knows(self._plan[record.host][0])
