"""What any thread of a node sees of the directory, and says through it.

Reading looks at a table of the facts that count, which the `Directory` actor keeps current; it
waits for nobody and needs no other host. Saying asks that actor, and returns when what was said is
on the disk.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simulacra.actors.cluster.counting import Change
from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.fact_texts import FactError, to_text
from simulacra.actors.cluster.facts import NO_EPOCH, Epoch, Fact, Form, Key, check_key
from simulacra.actors.runtime import Ref

OnChanges = Callable[[list[Change]], None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Say:
    """Say something; answered when it is on the disk."""

    key: Key
    form: Form
    text: str
    epoch: Epoch = NO_EPOCH
    owner: Signer | None = None


@dataclass(frozen=True, slots=True)
class Declare:
    """These texts, by name, are all that this host says of a subject; answered as `Say`."""

    kind: str
    subject: str
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TrustChanged:
    """The roll has changed."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A host has been connected."""

    host: str


@dataclass(frozen=True, slots=True)
class Status:
    """Answered with a `DirectoryStatus`."""


@dataclass(frozen=True, slots=True)
class DirectoryStatus:
    """How the directory of this host is.

    Attributes:
        origins: how many logs it has.
        facts: how many facts count.
        digest: the same where two hosts hold the same.
        saved: whether all is on the disk.
        reproaches: how often each host passed on, or said, what was not to be taken.
        ahead: hosts whose clocks are over a minute ahead of this one's.
    """

    origins: int
    facts: int
    digest: str
    saved: bool
    reproaches: dict[str, int]
    ahead: list[str]


class DirectoryView:
    """See the module; empty, and mute, until a `Directory` was started with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ref: Ref | None = None
        self._kinds: dict[str, dict[Key, Fact]] = {}
        self._subscribers: list[tuple[frozenset[str], OnChanges]] = []

    # -- reading

    def get(self, kind: str, subject: str, name: str) -> Any:
        """The value under a key, as plain data that is not to be changed; None if there is none."""
        fact = self.fact(kind, subject, name)
        return None if fact is None else fact.value

    def fact(self, kind: str, subject: str, name: str) -> Fact | None:
        """The fact under a key: who said it, when, and what."""
        with self._lock:
            return self._kinds.get(kind, {}).get(Key(kind, subject, name))

    def find(
        self,
        kind: str,
        *,
        subject: str | None = None,
        name: str | None = None,
        host: str | None = None,
    ) -> list[Fact]:
        """The facts of a kind, in the order of their keys.

        Args:
            kind: the kind.
            subject: only what is about this.
            name: only what is called so.
            host: only what this host said.
        """
        with self._lock:
            facts = list(self._kinds.get(kind, {}).values())
        found = [
            fact
            for fact in facts
            if subject in (None, fact.key.subject)
            and name in (None, fact.key.name)
            and host in (None, fact.origin.host)
        ]
        return sorted(found, key=lambda fact: fact.key)

    def subscribe(self, kinds: Iterable[str], on_changes: OnChanges) -> Callable[[], None]:
        """Call a function with every change of what counts, in the directory's own thread.

        It has to be quick, and may not say anything itself; what it raises is logged.

        Returns:
            What ends that.
        """
        entry = frozenset(kinds), on_changes
        with self._lock:
            self._subscribers = [*self._subscribers, entry]

        def end() -> None:
            with self._lock:
                self._subscribers = [each for each in self._subscribers if each is not entry]

        return end

    # -- saying

    def say(
        self,
        kind: str,
        subject: str,
        name: str,
        value: Any,
        *,
        epoch: Epoch = NO_EPOCH,
        owner: Signer | None = None,
    ) -> None:
        """Say that something is so.

        Args:
            kind: one of `kinds.KINDS`.
            subject: what it is about, mostly a host; may be empty.
            name: which fact of it.
            value: plain data.
            epoch: the epoch of the focus, where the master speaks.
            owner: the owner that endorses it, where one has to.

        Raises:
            FactError: it cannot be said, or this host may not.
            StoreError: the disk does not take it.
        """
        key = Key(kind, subject, name)
        check_key(key)
        self._ask(Say(key, Form.VALUE, to_text(value), epoch, owner))

    def delete(
        self,
        kind: str,
        subject: str,
        name: str,
        *,
        epoch: Epoch = NO_EPOCH,
        owner: Signer | None = None,
    ) -> None:
        """Say that something is so no longer, whoever said it; arguments and errors as `say`."""
        key = Key(kind, subject, name)
        check_key(key)
        self._ask(Say(key, Form.DELETED, "", epoch, owner))

    def withdraw(self, kind: str, subject: str, name: str) -> None:
        """Say nothing under a key any more: what others say counts; errors as `say`."""
        self._ask(Say(Key(kind, subject, name), Form.GONE, "null"))

    def declare(self, kind: str, subject: str, values: Mapping[str, Any]) -> None:
        """Say all that is to be said of a subject, by name, and delete what was said beside it.

        Only what differs is said; errors as `say`.
        """
        texts = {name: to_text(value) for name, value in values.items()}
        for name in texts:
            check_key(Key(kind, subject, name))
        self._ask(Declare(kind, subject, texts))

    def _ask(self, message: Say | Declare | Status) -> Any:
        if self._ref is None:
            raise FactError("the directory is not up yet: start the node first")
        return self._ref.ask(message)

    # -- for the node

    def trust_has_changed(self) -> None:
        """Judge all facts anew: the roll has changed."""
        if self._ref is not None:
            self._ref.tell(TrustChanged())

    def has_connected(self, host: str) -> None:
        """Compare with a host that was connected just now."""
        if self._ref is not None:
            self._ref.tell(Connected(host))

    def status(self) -> DirectoryStatus:
        """How the directory is.

        Raises:
            FactError: it is not up yet.
        """
        status: DirectoryStatus = self._ask(Status())
        return status

    # -- for the actor

    def attach(self, ref: Ref, counting: Mapping[Key, Fact]) -> None:
        """Show what a directory, begun anew, has, and say through it from now on."""
        with self._lock:
            self._ref = ref
            before = {key: fact for facts in self._kinds.values() for key, fact in facts.items()}
        keys = sorted({*before, *counting})
        changes = [Change(key, before.get(key), counting.get(key)) for key in keys]
        self.apply([change for change in changes if change.before != change.after])

    def apply(self, changes: list[Change]) -> None:
        """Show changes, and tell those who want to know."""
        with self._lock:
            for change in changes:
                facts = self._kinds.setdefault(change.key.kind, {})
                if change.after is not None:
                    facts[change.key] = change.after
                else:
                    facts.pop(change.key, None)
            subscribers = self._subscribers
        for kinds, on_changes in subscribers:
            theirs = [change for change in changes if change.key.kind in kinds]
            if theirs:
                _tell(on_changes, theirs)


def _tell(on_changes: OnChanges, changes: list[Change]) -> None:
    try:
        on_changes(changes)
    except Exception:
        logger.exception("who subscribed to the directory failed on a change")
