"""Moving a computation, done: the two machines of `moving` with a disk, a network and a clock.

Both machines are kept for each computation on each host: it may leave, and come back. Everything
here runs in the computation's actor, except the fetching of a snapshot, which has a thread and
tells the actor.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from simulacra.actors.compute import moves as m
from simulacra.actors.compute import standing as standings
from simulacra.actors.compute.arrival import Arrival, ArrivalEvent, Arriving
from simulacra.actors.compute.arriving_file import ArrivingFile
from simulacra.actors.compute.departure import Departure, DepartureEvent, Leaving
from simulacra.actors.compute.letters import Tick
from simulacra.actors.compute.records import Record, Standing
from simulacra.actors.compute.services import THIS_SOFTWARE, Services
from simulacra.actors.compute.store import Kept
from simulacra.actors.runtime.bulk import BulkError, Ticket
from simulacra.actors.threads import start_thread

logger = logging.getLogger(__name__)

_RECORD: Final = "moving"
_TO_TARGET: Final = (m.Offer, m.Install, m.Activate, m.Discard)


class Resident(Protocol):
    """The computation that is moved, as the moving protocol sees it."""

    def freeze(self) -> None:
        """Stop at the next safe point; `Relocation.frozen` or `freeze_failed` is to follow."""

    def resume(self) -> None:
        """Go on after a freeze, or do not freeze after all."""

    def expect(self) -> None:
        """It may come here soon; `run` or `expect_no_more` is to follow."""

    def coming(self, size: int) -> None:
        """Its state is on the way, so many bytes; may be said again."""

    def expect_no_more(self) -> None:
        """It does not come after all; may be said again."""

    def run(self, epoch: int, snapshot: dict[str, Any] | None) -> None:
        """Start here."""

    def leave(self, target: str, epoch: int) -> None:
        """End what is here, and forward mail; may be said again."""

    def moved(self, target: str, problem: str | None) -> None:
        """A move is over: it went well if there is no problem."""


@dataclass(frozen=True, slots=True)
class FetchDone:
    """The fetching thread is done: with the event for the target's machine."""

    event: m.Fetched | m.FetchFailed


class Relocation:
    """The moving of one computation, from this host and to it.

    Args:
        party: the computation's party name.
        services: the node's.
        kept: the computation's folder.
        resident: the computation.
        send: sends a message of the protocol to a host.
        tell_self: tells the computation's actor, from any thread.
    """

    def __init__(
        self,
        party: str,
        services: Services,
        kept: Kept,
        resident: Resident,
        send: Callable[[str, m.Message], None],
        tell_self: Callable[[FetchDone], None],
    ) -> None:
        self._services = services
        self._kept = kept
        self._resident = resident
        self._send = send
        self._tell_self = tell_self
        plain = kept.read_records().get(_RECORD)
        self.standing = Standing() if plain is None else standings.from_plain(plain)
        self._departure = Departure(party, services.host, THIS_SOFTWARE, self.standing)
        self._arrival = Arrival(party, THIS_SOFTWARE, self.standing, services.admit)
        self._offered: Ticket | None = None

    @property
    def epoch(self) -> int:
        """The epoch in which it runs here, or last ran."""
        return self._departure.epoch

    @property
    def attempt(self) -> int:
        """The epoch of the last attempt to move it, or in which it runs."""
        return self._departure.attempt

    @property
    def target(self) -> str:
        """Where it goes, or was last tried to go."""
        return self._departure.target

    @property
    def is_moving(self) -> bool:
        """Whether it is about to leave."""
        return self._departure.state not in {Leaving.ABSENT, Leaving.RUNNING, Leaving.LEFT}

    @property
    def is_arriving(self) -> bool:
        """Whether its snapshot is kept here, or comes, and it does not run yet."""
        return self._arrival.state not in {Arriving.ABSENT, Arriving.ACTIVE}

    @property
    def is_settled(self) -> bool:
        """Whether it runs here, and does not move."""
        return self._departure.state is Leaving.RUNNING

    def deadline(self) -> float | None:
        """When to call `tick`, on the monotonic clock."""
        dues = (self._departure.deadline(), self._arrival.deadline())
        return min((due for due in dues if due is not None), default=None)

    # -- events

    def begin(self) -> None:
        """Begin from the records, at the first start as after a crash."""
        self._depart_step(m.Boot())
        self._arrive_step(m.Boot())

    def depart(self, target: str, *, plain: bool | None, size: int) -> None:
        """Move it; `Resident.moved` tells how that went."""
        self._depart_step(m.Depart(target, plain, size))

    def heard(self, host: str, message: m.Message) -> None:
        """A message of the protocol came."""
        if isinstance(message, _TO_TARGET):
            self._arrive_step(m.Heard(host, message))
        else:
            self._depart_step(m.Heard(host, message))

    def frozen(self, ticket: Ticket, snapshot: dict[str, Any], *, plain: bool, size: int) -> None:
        """It stopped; the ticket is for what its worker handed out, ``snapshot`` all the rest."""
        self._offered = ticket
        self._depart_step(m.Frozen({**snapshot, "ticket": ticket}, plain, size))

    def freeze_failed(self, reason: str) -> None:
        """It did not stop, and goes on."""
        self._depart_step(m.FreezeFailed(reason))

    def ended(self) -> None:
        """It ended by itself."""
        self._depart_step(m.Ended())

    def fetched(self, done: FetchDone) -> None:
        """The fetching thread is done."""
        self._arrive_step(done.event)

    def host_changed(self, event: m.HostLost | m.HostMet) -> None:
        """The connection to a host was lost or made."""
        self._depart_step(event)
        self._arrive_step(event)

    def tick(self) -> None:
        """A deadline has come."""
        self._depart_step(Tick())
        self._arrive_step(Tick())

    def withdraw(self) -> None:
        """Offer the snapshot no more."""
        if self._offered is not None:
            self._services.bulk_server.withdraw(self._offered)
            self._offered = None

    # -- commands

    def _depart_step(self, event: DepartureEvent) -> None:
        self._obey(self._departure.step(event, time.monotonic()))

    def _arrive_step(self, event: ArrivalEvent) -> None:
        self._obey(self._arrival.step(event, time.monotonic()))

    def _obey(self, commands: list[m.Command]) -> None:
        for command in commands:
            self._do(command)

    def _do(self, command: m.Command) -> None:  # noqa: C901 - a table of commands
        match command:
            case m.Tell(host, message):
                self._send(host, message)
            case m.Write(record):
                self._write(record)
            case m.Freeze():
                self._resident.freeze()
            case m.Resume():
                self.withdraw()
                self._resident.resume()
            case m.Run(epoch, snapshot):
                self._resident.run(epoch, snapshot)
                self._depart_step(m.Began(epoch))
            case m.LeaveStub(target, epoch):
                self._resident.leave(target, epoch)
            case m.Expect():
                self._resident.expect()
            case m.ExpectNoMore():
                self._resident.expect_no_more()
            case m.Fetch(_, epoch, snapshot):
                self._resident.coming(snapshot["ticket"].size)
                self._fetch(epoch, snapshot)
            case m.Forget(epoch):
                self._resident.expect_no_more()
                self._kept.arrival(epoch).unlink(missing_ok=True)
            case m.MoveDone(target):
                self.withdraw()
                self._resident.moved(target, None)
            case m.MoveFailed(target, reason):
                self._resident.moved(target, reason)

    def _write(self, record: Record) -> None:
        try:
            standing = self.standing.after(record)
            self._kept.write_record(_RECORD, standings.to_plain(standing))
        except OSError as error:
            logger.exception("a record of %s is not on disk", record.name)
            event: m.Written | m.WriteFailed = m.WriteFailed(record, str(error))
        else:
            self.standing = standing
            event = m.Written(record)
        self._depart_step(event)
        self._arrive_step(event)

    def _fetch(self, epoch: int, snapshot: dict[str, Any]) -> None:
        name = f"fetch-{epoch}@{self._services.host}"
        try:
            start_thread(self._fetch_in_thread, epoch, snapshot, name=name)
        except OSError as error:
            self._fetch_failed(epoch, error)

    def _fetch_in_thread(self, epoch: int, snapshot: dict[str, Any]) -> None:
        path = self._kept.arrival(epoch)
        rest = {key: value for key, value in snapshot.items() if key != "ticket"}
        try:
            with ArrivingFile(path) as file:
                ticket = snapshot["ticket"]
                self._services.bulk_client.fetch(ticket, file.fileno(), progress=file.came)
                file.finish()
        except (BulkError, OSError) as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            self._fetch_failed(epoch, error)
        else:
            self._tell_self(FetchDone(m.Fetched(epoch, rest)))

    def _fetch_failed(self, epoch: int, error: Exception) -> None:
        reason = f"{self._services.host} cannot keep its state: {error}"
        self._tell_self(FetchDone(m.FetchFailed(epoch, reason)))
