"""One computation on one host: its worker, its mail, its moves, and what is kept of it on disk.

The actor lives as long as the computation has anything to do with this host: it runs here, arrives,
has left, or has ended and its result is kept. It finds all it needs in its folder, so it may itself
be restarted. Its parts each do one thing: `Running` (its worker), `Hearing` (what that says),
`Mailroom` (its mail), `Travelling` (its moves), `Showing` (what it prints), `Ending` (what comes
after a worker); what is known they write into its `Dossier`. The actor brings them what they are to
hear, and wakes them when it is time.

A worker that is lost goes on from the newest checkpoint, with the mail of that moment. A service's
replica that ran before the node was started is held until it is told to go on; what is written to
it meanwhile is not answered, and so sent again.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors import tracing
from simulacra.actors.compute import messages as w
from simulacra.actors.compute import moves as m
from simulacra.actors.compute.computing import (
    HELD,
    HELD_WHY,
    Await,
    Carry,
    Described,
    GetResult,
    GoOn,
    Here,
    Look,
    Migrate,
    ReadOutput,
    StopIt,
    Type,
    WorkerEnded,
    WorkerSaid,
)
from simulacra.actors.compute.dossier import Dossier
from simulacra.actors.compute.ending import Ending
from simulacra.actors.compute.hearing import Hearing
from simulacra.actors.compute.letters import (
    Ack,
    Gone,
    Located,
    Moved,
    NotFound,
    Parcel,
    Tick,
    Unknown,
)
from simulacra.actors.compute.mailroom import Mailroom
from simulacra.actors.compute.post_messages import Resolved
from simulacra.actors.compute.relocation import FetchDone
from simulacra.actors.compute.running import Running
from simulacra.actors.compute.services import Services
from simulacra.actors.compute.showing import Showing
from simulacra.actors.compute.spec import Limits
from simulacra.actors.compute.travelling import MoveError, Travelling
from simulacra.actors.runtime import Actor, ExitReason, Ref

logger = logging.getLogger(__name__)

COMPUTATIONS: Final = "computations"
SERVICE: Final = "service"
"""The record of which service a computation is a replica of."""

LOOK_EVERY: Final = 1.0
RESOLVE_EVERY: Final = 1.0

_LOST_WITH_NODE: Final = (
    "the node went down while it ran; a command is run again only if it was spawned as restartable"
)


@dataclass(frozen=True, slots=True)
class _StartAgain:
    """Time to start the worker again, unless another run has begun."""

    run: int


class _OutputGrew:
    """The worker printed something, and somebody waits for it."""


@dataclass(frozen=True, slots=True)
class _ResolveAgain:
    """Time to ask once more who has a name."""

    name: str


class _LookAround:
    """Time to tell how it goes, and to ask whether another host would be better."""


class Computation(Actor):
    """See the module.

    Args:
        party: its name among all computations that ever were.
        services: what the node provides.
        registry: the actor that keeps the table of this node's computations.
    """

    def __init__(self, party: str, services: Services, registry: Ref) -> None:
        self._party = party
        self._services = services
        self._registry = registry
        self._kept = services.store.of(party)
        self._dossier = Dossier(party, services.host)
        self._due: float | None = None

    def on_start(self) -> None:
        """Begin from the folder: run, wait for the source's word, or stand where it has left."""
        tracing.work_at(self._party)
        if (self._kept.folder / "spec").exists():
            self._dossier.take_spec(self._kept.read_spec())
        self._make_parts()
        self._registry.tell(Here(self._party, self.ref))
        outcome = self._kept.read_result()
        if outcome is None:
            self._travelling.protocol.begin()
        else:
            self._recall(outcome)
        self.send_every(LOOK_EVERY, _LookAround())
        self._after()

    def _make_parts(self) -> None:
        dossier, services, kept, tell = self._dossier, self._services, self._kept, self.ref.tell
        limits = Limits() if dossier.spec is None else dossier.spec.limits
        self._showing = show = Showing(
            dossier, kept.log, limits.output, lambda: tell(_OutputGrew())
        )
        self._mail = mail = Mailroom(
            self._party, services.host, kept, self.system, self.ref, self._to_worker
        )
        self._running = running = Running(
            dossier, kept, mail, show.log,
            lambda run, message: tell(WorkerSaid(run, message)),
            lambda run, reason: tell(WorkerEnded(run, reason)),
        )  # fmt: skip
        self._travelling = travelling = Travelling(
            dossier, services, kept, mail, show, running, self, self._send_move, tell
        )
        self._ending = Ending(
            dossier, kept, mail, show, running, travelling, self._describe, self._tell_registry,
            lambda delay: self.send_after(delay, _StartAgain(running.run)),
        )  # fmt: skip
        self._hearing = Hearing(
            dossier, services.files, mail, show, running, travelling, self._tell_registry
        )

    def _recall(self, outcome: dict[str, Any]) -> None:
        self._dossier.recall(outcome)
        self._dossier.epoch = self._travelling.protocol.epoch
        if outcome.get("mail") is not None:  # what it wrote last may not have come yet
            self._mail.open(self._dossier.epoch, outcome["mail"])
            self._mail.end(str(self._dossier.reason))
        self._tell_registry()

    def on_stop(self, reason: ExitReason) -> None:
        """The node goes down: the worker ends here, and goes on from its checkpoint later."""
        del reason
        self._running.close()
        self._showing.close()
        self._mail.close()

    def on_receive(self, message: Any) -> Any:
        """What came; the messages' classes say what they mean."""
        answer = self._handle(message)
        self._after()
        return answer

    def _handle(self, message: Any) -> Any:  # noqa: C901, PLR0912 - a table of messages
        match message:
            case WorkerSaid(run, said):
                self._hearing.heard(run, said)
            case WorkerEnded(run, reason):
                if run == self._running.run:
                    self._ending.worker_ended(reason)
            case Parcel() | Ack() | Moved() | Gone() | Unknown():
                if self._dossier.state != HELD:
                    self._mail.packet(message)
            case Located() | NotFound():
                self._mail.step(message)
            case Resolved():
                self._resolved(message)
            case _ResolveAgain(name):
                self._mail.resolve_again(name)
            case Carry(host, move):
                self._travelling.protocol.heard(host, move)
            case FetchDone():
                self._travelling.protocol.fetched(message)
                self._tell_registry()
            case m.HostLost() | m.HostMet():
                self._travelling.protocol.host_changed(message)
            case Tick():
                self._tick()
            case _StartAgain(run):
                if run == self._running.run and self._dossier.state == "starting":
                    self.go_on()
            case _LookAround():
                self._look_around()
            case _OutputGrew():
                self._showing.answer()
            case Migrate(target=target):
                self._migrate(target)
            case StopIt(kill=kill):
                self._ending.stop(self.defer_reply(), kill=kill)
            case GoOn():
                if self._dossier.state == HELD:
                    self.go_on()
                return self._describe()
            case Await():
                self._ending.await_end(self.defer_reply())
            case Look():
                return self._describe()
            case GetResult():
                return self._dossier.returned()
            case ReadOutput():
                self._showing.read(message, self.defer_reply())
            case Type():
                self._running.type(message)
            case _:
                self.refuse(message)
        return None

    def _after(self) -> None:
        """Be woken for the next deadline of the machines."""
        dues = (self._travelling.protocol.deadline(), self._mail.deadline())
        due = min((due for due in dues if due is not None), default=None)
        if due is not None and (self._due is None or due < self._due):
            self._due = due
            self.send_after(max(0.0, due - time.monotonic()), Tick())

    def _tick(self) -> None:
        self._due = None
        self._travelling.protocol.tick()
        self._mail.step(Tick())

    def _to_worker(self, message: w.ToWorker) -> bool:
        return self._running.send(message)

    # -- its moves (`travelling.Owner`)

    def _send_move(self, host: str, message: m.Message) -> None:
        with tracing.under(self._travelling.trace):
            self.system.ref(f"{COMPUTATIONS}@{host}").tell(Carry(self._services.host, message))

    def _migrate(self, target: str) -> None:
        reply, dossier = self.defer_reply(), self._dossier
        if dossier.is_over:
            why = f"{dossier.name} is {dossier.state} and does not run here"
            reply.set_error(MoveError(why))
            return
        if dossier.state == HELD:
            reply.set_error(MoveError(f"{dossier.name} is held: {HELD_WHY}"))
            return
        self._travelling.migrate(target, reply)

    def start(self, snapshot: dict[str, Any] | None) -> None:
        """Run here for the first time in this epoch, unless it must not run a second time."""
        if snapshot is None and self._mail.was_open and not self._dossier.may_run_again:
            self._ending.finish("failed", ExitReason("killed", detail=_LOST_WITH_NODE))
        elif self._mail.was_open and self._kept.read_records().get(SERVICE):
            self._dossier.state = HELD
            self._tell_registry()
        else:
            self.go_on()

    def go_on(self) -> None:
        """Run here, from the newest snapshot."""
        try:
            self._running.begin()
        except OSError as error:
            self._ending.finish("failed", ExitReason.of_error(error))
        else:
            self._tell_registry()

    def end_now(self) -> None:
        """End what was to be stopped while it was frozen."""
        self._ending.end_now(kill=True)

    def has_left(self) -> None:
        """Whoever waits for it here hears that it is not here any more."""
        self._ending.answer_all()

    # -- as others see it

    def _describe(self) -> Described:
        return self._dossier.describe(
            mailbox=self._mail.unread,
            pid=self._running.pid,
            is_arriving=self._travelling.protocol.is_arriving,
        )

    def _tell_registry(self) -> None:
        self._registry.tell(self._describe())

    def _look_around(self) -> None:
        if self._dossier.is_over:
            if self._travelling.protocol.is_arriving:
                self._tell_registry()
            return
        self._tell_registry()
        self._showing.answer(all_of_them=True)
        self._ending.answer_awaiting()
        self._travelling.look_around()

    def _resolved(self, answer: Resolved) -> None:
        self._mail.resolved(answer)
        if answer.found is None and not answer.certain:
            self.send_after(RESOLVE_EVERY, _ResolveAgain(answer.name))
