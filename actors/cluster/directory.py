"""The directory: brings what is said of the network to every host, and keeps it on each.

The actor around a `Replica`, its `Exchange` with the other hosts' directories, and its `Store`; a
`DirectoryView` is what the node's other threads see of it. What this host says is on the disk
before it is told. A message that a neighbour does not take at once is left out: comparing makes up
for it.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulacra.actors.cluster.counting import known_rules
from simulacra.actors.cluster.directory_exchange import (
    Compare,
    Exchange,
    Facts,
    Lacking,
    Message,
    Tell,
    Vector,
)
from simulacra.actors.cluster.directory_view import (
    Connected,
    Declare,
    DirectoryStatus,
    DirectoryView,
    Say,
    Status,
    TrustChanged,
)
from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Form, Key, Origin
from simulacra.actors.cluster.kinds import Trust
from simulacra.actors.cluster.outcomes import Outcome
from simulacra.actors.cluster.replica import Replica
from simulacra.actors.cluster.reproaches import Reproaches
from simulacra.actors.cluster.store import Store, StoreError, new_life
from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.turns import never_wait
from simulacra.actors.runtime.wire_types import register

DIRECTORY: Final = "directory"
logger = logging.getLogger(__name__)


register("directory.compare")(Compare)
register("directory.vector")(Vector)
register("directory.lacking")(Lacking)
register("directory.facts")(Facts)


@dataclass(frozen=True)
class Place:
    """Where a directory is.

    Attributes:
        host: the host's name.
        network: the network's name.
        path: the file that it is kept in.
        signer: the host's signing key.
    """

    host: str
    network: str
    path: Path
    signer: Signer


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are done, in seconds.

    Attributes:
        compare: comparing with one neighbour.
        tidy: dropping old deletions.
    """

    compare: float = 10.0
    tidy: float = 600.0


class _Tidy:
    """Time to drop old deletions."""


class _CompareNow:
    """Time to compare."""


class Directory(Actor):
    """See the module.

    Args:
        view: what other threads see of it.
        place: where it is.
        trust: who is who.
        neighbours: the hosts that are connected now.
        pace: how often things are done.
        chance: picks the neighbour to compare with.
        wall: milliseconds since the epoch.
    """

    def __init__(
        self,
        view: DirectoryView,
        place: Place,
        trust: Trust,
        neighbours: Callable[[], Iterable[str]],
        *,
        pace: Pace = Pace(),
        chance: random.Random | None = None,
        wall: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._view = view
        self._host = place.host
        self._place = place
        self._rules = known_rules(trust)
        self._neighbours = neighbours
        self._pace = pace
        self._chance = chance or random.Random()  # noqa: S311 - no secret
        self._wall = wall
        self._reproaches = Reproaches()
        self._is_saved = True

    def on_start(self) -> None:
        """Read what was kept, show it, and compare with all neighbours."""
        never_wait()  # one neighbour that is stuck holds up none of the others
        self._store = Store(self._place.path)
        signer = self._place.signer
        self._replica = Replica(
            Origin.of(self._host, signer.key, self._store.life),
            self._place.network,
            signer,
            self._rules,
            new_life=new_life,
            logs=self._store.logs,
            wall=self._wall(),
        )
        self._exchange = Exchange(self._host, self._replica)
        self._view.attach(self.ref, self._replica.counting)
        self._compare_with(self._neighbours())
        self.send_every(self._pace.compare, _CompareNow())
        self.send_every(self._pace.tidy, _Tidy())

    def on_stop(self, _: ExitReason) -> None:
        """Close the file."""
        self._store.close()

    def on_receive(self, message: Any) -> Any:
        """See the module."""
        match message:
            case Say() | Declare():
                self._say(message)
            case Compare() | Vector() | Lacking() | Facts():
                self._hear(message)
            case Connected(host):
                self._compare_with([host])
            case TrustChanged():
                self._do(self._replica.recount(self._wall()))
                self._compare_with(self._neighbours())
            case _CompareNow():
                self._now_and_then()
            case _Tidy():
                self._do(self._replica.tidy(self._wall()))
            case Status():
                return self._status()
            case _:
                self.refuse(message)
        return None

    # -- what this host says

    def _say(self, message: Say | Declare) -> None:
        outcome = Outcome()
        problem: Exception | None = None
        try:
            for each in [message] if isinstance(message, Say) else self._declared(message):
                outcome.add(self._said(each))
        except FactError as error:
            problem = error  # what was said before it is said
        try:
            self._keep(outcome, durable=True)
            self._tell(self._exchange.push(outcome.news, self._neighbours()))
        except StoreError as error:
            problem = error
        self._show(outcome)
        if problem is not None:
            self.defer_reply().set_error(problem)

    def _said(self, say: Say) -> Outcome:
        return self._replica.say(
            say.key, say.form, say.text, self._wall(), epoch=say.epoch, owner=say.owner
        )

    def _declared(self, message: Declare) -> list[Say]:
        kind, subject, texts = message.kind, message.subject, message.texts
        said = self._view.find(kind, subject=subject, host=self._host)
        return [
            *(Say(Key(kind, subject, name), Form.VALUE, text) for name, text in texts.items()),
            *(Say(fact.key, Form.DELETED, "") for fact in said if fact.key.name not in texts),
        ]

    # -- what others say

    def _hear(self, message: Message) -> None:
        try:
            step = self._exchange.hear(message, self._neighbours(), self._wall())
        except (FactError, TypeError) as error:
            self._reproaches.add(str(message.host), str(error))
            return
        for reason in step.outcome.refused:
            self._reproaches.add(message.host, reason)
        self._do(step.outcome)
        self._tell(step.tells)
        changes = step.outcome.changes
        if any(self._is_overtaken(change.before, change.after) for change in changes):
            self._withdraw()

    def _is_overtaken(self, before: Any, after: Any) -> bool:
        own = self._replica.origin
        return before is not None and before.origin == own and after != before

    def _withdraw(self) -> None:
        outcome = self._replica.withdraw(self._wall())
        self._do(outcome, durable=True)
        self._tell(self._exchange.push(outcome.news, self._neighbours()))

    # -- what follows

    def _do(self, outcome: Outcome, *, durable: bool = False) -> None:
        try:
            self._keep(outcome, durable=durable)
        except StoreError:
            assert not self._is_saved  # noqa: S101 - logged; it is tried again now and then
        self._show(outcome)

    def _keep(self, outcome: Outcome, *, durable: bool) -> None:
        if not self._is_saved:
            self._save()
        elif outcome.facts or outcome.removed or outcome.floors:
            try:
                self._store.keep(outcome, self._replica.origin.life, durable=durable)
            except StoreError:
                self._is_saved = False
                logger.exception("the directory is not on the disk")
                raise

    def _save(self) -> None:
        self._store.rewrite(self._replica.logs, self._replica.origin.life)
        self._is_saved = True
        logger.warning("the directory %s is on the disk again", self._place.path)

    def _show(self, outcome: Outcome) -> None:
        for host, reason in outcome.unauthorised:
            self._reproaches.add(host, reason)
        for host in outcome.ahead:
            self._reproaches.is_ahead(host)
        self._view.apply(outcome.changes)

    def _now_and_then(self) -> None:
        neighbours = sorted(self._neighbours())
        if neighbours:
            self._compare_with([self._chance.choice(neighbours)])
        self._withdraw()
        self._do(Outcome())  # what could not be written before

    def _compare_with(self, hosts: Iterable[str]) -> None:
        self._tell(self._exchange.compare(hosts))

    def _tell(self, tells: Iterable[Tell]) -> None:
        for host, message in tells:
            try:
                self.system.ref(f"{DIRECTORY}@{host}").tell(message)
            except MailboxFullError as error:
                logger.debug("the directory of %s is told later: %s", host, error)

    def _status(self) -> DirectoryStatus:
        hashes = "".join(f"{each:016x}" for each in self._replica.logs.digest)
        return DirectoryStatus(
            origins=len(self._replica.logs.vector),
            facts=len(self._replica.counting),
            digest=hashlib.sha256(hashes.encode()).hexdigest()[:16],
            saved=self._is_saved,
            reproaches=dict(self._reproaches.counts),
            ahead=sorted(self._reproaches.ahead),
        )
