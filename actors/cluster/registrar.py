"""The registrar: brings the records of who is in to every host, and puts them in force.

Records are a set that only grows. Two hosts that meet compare a digest of theirs; where it differs
they tell each other the ids they have, and each sends what the other lacks. What is new is told on
to all who are connected, so that an expulsion reaches every host in reach within a round trip or
two, and the others as soon as they are met. What is new is on the disk first, then it is told on
(also to a host that is out by it, so that it knows why), and then put in force.

::

    a                           b
    | Compare(digest of a) ---> |   same: nothing to do
    | <-------------- Have(ids) |
    | Records(what b lacks) --> |
    | Have(ids of a) ---------> |
    | <- Records(what a lacks)  |
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors.cluster.admissions import Record
from simulacra.actors.cluster.charter import Charter, from_plain, to_plain
from simulacra.actors.cluster.records import MalformedRecordError
from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.wire_types import register

REGISTRAR: Final = "registrar"
_BATCH: Final = 200

logger = logging.getLogger(__name__)


@register("registrar.compare")
@dataclass(frozen=True, slots=True)
class Compare:
    """Is this the digest of your records too? From the host's registrar that it names."""

    host: str
    digest: str


@register("registrar.have")
@dataclass(frozen=True, slots=True)
class Have:
    """A host has the records with these ids; ``answer`` asks for what the receiver has."""

    host: str
    ids: list[str]
    answer: bool


@register("registrar.records")
@dataclass(frozen=True, slots=True)
class Records:
    """Records that the receiver may not have, as `charter.to_plain` gives them."""

    host: str
    records: list[Any]


@dataclass(frozen=True, slots=True)
class Connected:
    """A host has been connected."""

    host: str


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep these records, put them in force, and tell all. Answered when they are on disk."""

    records: Sequence[Record]


class Registrar(Actor):
    """See the module.

    Args:
        host: this host's name.
        charter: what it keeps.
        peers: the hosts that are connected now.
        in_force: called when the roll has changed, with the records that are new.
    """

    def __init__(
        self,
        host: str,
        charter: Charter,
        peers: Callable[[], list[str]],
        in_force: Callable[[list[Record]], None],
    ) -> None:
        self._host = host
        self._charter = charter
        self._peers = peers
        self._in_force = in_force

    def on_start(self) -> None:
        """Compare with all that are there: some may have been met before this actor was."""
        for peer in self._peers():
            self._tell(peer, Compare(self._host, self._digest()))

    def on_receive(self, message: Any) -> Any:
        """See the module."""
        match message:
            case Connected(host):
                self._tell(host, Compare(self._host, self._digest()))
            case Compare(host, digest):
                if digest != self._digest():
                    self._tell(host, Have(self._host, list(self._charter.roll.records), True))
            case Have(host, ids, answer):
                self._send(host, self._charter.missing(ids))
                if answer:
                    self._tell(host, Have(self._host, list(self._charter.roll.records), False))
            case Records(host, records):
                self._keep(list(_read(host, records)), but=host)
            case Keep(records):
                self._keep(list(records), but=None)
            case _:
                self.refuse(message)

    def _keep(self, records: list[Record], but: str | None) -> None:
        before = self._peers()
        new = self._charter.add(records)
        if not new:
            return
        for peer in {*before, *self._peers()}:
            if peer != but:
                self._send(peer, new)
        self._in_force(new)

    def _send(self, host: str, records: list[Record]) -> None:
        for start in range(0, len(records), _BATCH):
            batch = [to_plain(each) for each in records[start : start + _BATCH]]
            self._tell(host, Records(self._host, batch))

    def _tell(self, host: str, message: object) -> None:
        # An ask leaves at once, and is no dead letter where nobody is.
        self.system.ref(f"{REGISTRAR}@{host}").ask(message, block=False)

    def _digest(self) -> str:
        ids = "".join(sorted(self._charter.roll.records))
        return hashlib.sha256(ids.encode()).hexdigest()[:32]


def _read(host: str, records: list[Any]) -> Iterator[Record]:
    for data in records:
        try:
            yield from_plain(data)
        except MalformedRecordError as error:
            logger.warning("%s sent a record that is none: %s", host, error)
