"""One computation on one host: its worker, its mail, its moves, and what is kept of it on disk.

The actor lives as long as the computation has anything to do with this host: it runs here, arrives,
has left, or has ended and its result is kept. It finds all it needs in its folder, so it may itself
be restarted. What it decides, the machines decide: `mail` (letters), `moving` (where it runs),
`rebalance` (when to move), `restarts` (how often its worker is started again); the actor does it.

A worker that is lost goes on from the newest checkpoint, with the mail of that moment.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import psutil

from simulacra.actors.compute import messages as w
from simulacra.actors.compute import moves as m
from simulacra.actors.compute.computing import (
    Await,
    Carry,
    Described,
    GetResult,
    Here,
    Look,
    Migrate,
    ReadOutput,
    StopIt,
    Type,
    WorkerEnded,
    WorkerSaid,
    describe_reason,
)
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
from simulacra.actors.compute.placement import Needs
from simulacra.actors.compute.post import Resolved
from simulacra.actors.compute.process import MOVED, WorkerProcess
from simulacra.actors.compute.reading import Reading
from simulacra.actors.compute.rebalance import Rebalance
from simulacra.actors.compute.relocation import FetchDone, Relocation
from simulacra.actors.compute.restarting import Again, Over, Restarts
from simulacra.actors.compute.services import Services
from simulacra.actors.compute.showing import Showing
from simulacra.actors.compute.spare import Spare
from simulacra.actors.compute.spec import Command, Limits, Spec
from simulacra.actors.compute.store import CHECKPOINTS_KEPT
from simulacra.actors.compute.task import CommandTask, Task, start_task
from simulacra.actors.runtime import Actor, ExitReason, Ref
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.reason import NORMAL, SHUTDOWN
from simulacra.actors.runtime.wire_types import register

logger = logging.getLogger(__name__)

COMPUTATIONS: Final = "computations"
LOOK_EVERY: Final = 1.0
MOVES_KEPT: Final = 100
RESOLVE_EVERY: Final = 1.0

_LOST_WITH_NODE: Final = (
    "the node went down while it ran; a command is run again only if it was spawned as restartable"
)
_ENDED: Final = frozenset({"done", "failed", "stopped"})


@register("error.move")
class MoveError(Exception):
    """The computation did not move, and goes on where it is; the text says why."""


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
        self._name = party.rpartition("#")[0]
        self._services = services
        self._registry = registry
        self._kept = services.store.of(party)
        self._spec: Spec | None = None
        self._state = "left"  # unless the records say that it is here
        self._reason: ExitReason | None = None
        self._ended_at: float | None = None
        self._result: w.Result | None = None
        self._task: Task | None = None
        self._run = 0
        self._runs = count(1)
        self._spare = Spare(self._from_worker, self._from_exit)
        self._since: float | None = None
        self._epoch = 0
        self._arrived_with: dict[str, Any] | None = None
        self._frozen = False
        self._freeze_ticket = 0
        self._stopping = False
        self._restarts = Restarts("temporary")
        self._reading = Reading()
        self._rebalance = Rebalance()
        self._progress: tuple[str, int, int] | None = None
        self._size = 0
        self._plain: bool | None = None
        self._moves: list[dict[str, Any]] = []
        self._move_to = self._move_why = ""
        self._migrating: list[Reply] = []
        self._move_began = self._froze_at = 0.0
        self._awaiting: list[Reply] = []  # answered within a second, whatever comes
        self._stoppers: list[Reply] = []
        self._kept_here = 0
        self._due: float | None = None

    def on_start(self) -> None:
        """Begin from the folder: run, wait for the source's word, or stand where it has left."""
        if (self._kept.folder / "spec").exists():
            self._take_spec(self._kept.read_spec())
        limits = Limits() if self._spec is None else self._spec.limits
        self._showing = Showing(self._kept.log, limits.output, lambda: self.ref.tell(_OutputGrew()))
        self._mail = Mailroom(
            self._party,
            self._services.host,
            self._kept,
            self.system,
            self.ref,
            self._to_worker,
        )
        self._relocation = Relocation(
            self._party, self._services, self._kept, self, self._send_move, self.ref.tell
        )
        self._registry.tell(Here(self._party, self.ref))
        result = self._kept.read_result()
        if result is None:
            self._relocation.begin()
        else:
            self._recall(result)
            self._tell_registry()
        self.send_every(LOOK_EVERY, _LookAround())
        self._after()

    def _take_spec(self, spec: Spec) -> None:
        self._spec = spec
        self._restarts = Restarts(
            spec.restart if _may_run_again(spec) else "temporary",
            command=isinstance(spec.what, Command),
        )

    def _recall(self, result: dict[str, Any]) -> None:
        self._state, self._ended_at = result["state"], result["ended"]
        self._reason = ExitReason(**result["reason"])
        self._restarts.count, self._moves = result["restarts"], result["moves"]
        if result["text"] is not None:
            self._result = w.Result(result["value"], result["text"])
        self._epoch = self._relocation.epoch
        if result.get("mail") is not None:  # what it wrote last may not have come yet
            self._mail.open(self._epoch, result["mail"])
            self._mail.end(str(self._reason))

    def on_stop(self, reason: ExitReason) -> None:
        """The node goes down: the worker ends here, and goes on from its checkpoint later."""
        del reason
        self._spare.drop(wait=5.0)
        if self._task is not None:
            self._task.kill()
            self._task.join(5.0)
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
                self._heard_worker(said, current=run == self._run)
            case WorkerEnded(run, reason):
                if run == self._run:
                    self._worker_ended(reason)
            case Parcel() | Ack() | Moved() | Gone() | Unknown():
                self._mail.packet(message)
            case Located() | NotFound():
                self._mail.step(message)
            case Resolved():
                self._resolved(message)
            case _ResolveAgain(name):
                self._mail.resolve_again(name)
            case Carry(host, move):
                self._relocation.heard(host, move)
            case FetchDone():
                self._relocation.fetched(message)
                self._tell_registry()
            case m.HostLost() | m.HostMet():
                self._relocation.host_changed(message)
            case Tick():
                self._tick()
            case _StartAgain(run):
                if run == self._run and self._state == "starting":
                    self._go_on()
            case _LookAround():
                self._look_around()
            case _OutputGrew():
                self._showing.answer(over=self._is_over)
            case Migrate(_, target):
                self._migrate(target)
            case StopIt(_, kill):
                self._stop(kill=kill)
            case Await():
                self._await(self._awaiting)
            case Look():
                return self.describe()
            case GetResult():
                return {
                    "value": self._result.value if self._result else None,
                    "text": self._result.text if self._result else None,
                }
            case ReadOutput():
                self._showing.read(message, self.defer_reply(), over=self._is_over)
            case Type():
                self._type(message)
            case _:
                self.refuse(message)
        return None

    def _after(self) -> None:
        """Be woken for the next deadline of the machines."""
        dues = (self._relocation.deadline(), self._mail.deadline())
        due = min((due for due in dues if due is not None), default=None)
        if due is not None and (self._due is None or due < self._due):
            self._due = due
            self.send_after(max(0.0, due - time.monotonic()), Tick())

    def _tick(self) -> None:
        self._due = None
        self._relocation.tick()
        self._mail.step(Tick())

    @property
    def _is_over(self) -> bool:
        """Whether it does not run here, and will not unless it comes back."""
        return self._state in _ENDED or self._state == "left"

    # -- the worker

    def run(self, epoch: int, snapshot: dict[str, Any] | None) -> None:
        """Start here, from the newest checkpoint of this epoch or from what came (`Resident`)."""
        self._epoch, self._arrived_with, self._kept_here = epoch, snapshot, 0
        if snapshot is not None:
            self._take_spec(Spec.from_plain(snapshot["spec"]))
            self._kept.write_spec(Spec.from_plain(snapshot["spec"]))
            self._restarts.count = snapshot["restarts"]
            self._take_moves(snapshot["moves"])
            self._size, self._plain = snapshot["size"], snapshot["plain"]
        elif self._mail.was_open and self._spec is not None and not _may_run_again(self._spec):
            self._finish("failed", ExitReason("killed", detail=_LOST_WITH_NODE))
            return
        self._go_on()

    def _go_on(self) -> None:
        """Start the worker from the newest snapshot, with the mail of that moment."""
        spec = self._spec
        if spec is None:
            raise RuntimeError(f"{self._party} has no spec in {self._kept.folder}")
        descriptor, about = self._newest()
        try:
            self._mail.open(self._epoch, about["mail"])
            self._task = self._begin_task(spec, descriptor)
        except OSError as error:
            self._finish("failed", ExitReason.of_error(error))
            return
        finally:
            if descriptor is not None:
                os.close(descriptor)
        self._state, self._since, self._frozen = "running", time.time(), False
        self._mail.pump()
        self._tell_registry()

    def _begin_task(self, spec: Spec, snapshot: int | None) -> Task:
        spare = self._spare.take(spec)
        if spare is not None:
            self._run, worker = spare
            worker.begin(spec, name=self._name, host=self._services.host, snapshot=snapshot)
            return worker
        self._run = next(self._runs)
        return start_task(
            spec,
            name=self._name,
            host=self._services.host,
            folder=self._folder(spec),
            log=self._showing.log,
            snapshot=snapshot,
            on_message=partial(self._from_worker, self._run),
            on_exit=partial(self._from_exit, self._run),
        )

    def _folder(self, spec: Spec) -> Path:
        """Where it works: a command where it was typed, if there is such a folder here."""
        wanted = self._kept.read_records().get("folder")
        if isinstance(spec.what, Command) and wanted is not None and Path(wanted).is_dir():
            return Path(wanted)
        return self._kept.work

    def _from_worker(self, run: int, message: w.ToNode) -> None:
        self.ref.tell(WorkerSaid(run, message))

    def _from_exit(self, run: int, reason: ExitReason) -> None:
        self.ref.tell(WorkerEnded(run, reason))

    def _newest(self) -> tuple[int | None, dict[str, Any]]:
        checkpoint = self._kept.open_checkpoint()
        if checkpoint is not None:
            if checkpoint[1]["epoch"] == self._epoch:
                return checkpoint
            os.close(checkpoint[0])
        if self._arrived_with is None:
            return None, {"mail": None}
        if not self._arrived_with["size"]:
            return None, self._arrived_with
        path = self._kept.arrival(self._epoch)
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC), self._arrived_with

    def _heard_worker(self, message: w.ToNode, *, current: bool) -> None:  # noqa: C901, PLR0912 - a table
        if not current:
            _close_descriptor(message)
            return
        match message:
            case w.Send() | w.Ask() | w.Reply() | w.Taken():
                self._mail.heard(message)
            case w.Checkpoint():
                self._save(message)
            case w.Frozen(ticket=ticket):
                if ticket == self._freeze_ticket:
                    self._froze(message)
                else:
                    _close_descriptor(message)  # of an attempt that was given up
            case w.NotFrozen(why, freezing, ticket):
                if freezing and ticket == self._freeze_ticket:
                    self._relocation.freeze_failed(why)
                elif not freezing:
                    self._showing.note(f"no checkpoint could be made: {why}")
            case w.Request():
                if self._task is not None:
                    self._services.files.serve(message, partial(_answer, self._task))
            case w.Read(path, size, files):
                self._reading.read(path, size, files)
            case w.Progress(name, done, total):
                self._progress = (name, done, total)
                self._reading.progressed(name, done, total)
            case w.Ready():
                self._tell_registry()
            case w.Result():
                self._result = message

    def _to_worker(self, message: w.ToWorker) -> bool:
        return self._task is not None and self._task.send(message)

    def _save(self, checkpoint: w.Checkpoint) -> None:
        descriptor = checkpoint.fd
        mail = self._mail.snapshot()
        if descriptor is None or mail is None:
            return
        self._size, self._plain = checkpoint.size, checkpoint.plain
        try:
            self._kept.save_checkpoint(descriptor, {"epoch": self._epoch, "mail": mail})
        except OSError as error:
            self._showing.note(f"a checkpoint is not kept, the one before still is: {error}")
        else:
            self._restarts.saved()
            self._mail.saved(mail)
            self._kept_here += 1
            if self._kept_here == CHECKPOINTS_KEPT:
                self._kept.remove_arrivals()  # no checkpoint of before the move is left
        finally:
            os.close(descriptor)

    def _worker_ended(self, reason: ExitReason) -> None:
        self._task = None
        if self._frozen or reason == MOVED:
            return  # what travels was handed out before
        if self._stopping:
            self._finish("stopped", SHUTDOWN)
            return
        match self._restarts.ended(reason, time.monotonic()):
            case Over(cause, why):
                if why is not None:
                    self._showing.note(why)
                self._finish("done" if cause == NORMAL else "failed", cause)
            case Again(delay, anew):
                self._start_again(reason, delay, anew=anew)

    def _start_again(self, reason: ExitReason, delay: float, *, anew: bool) -> None:
        self._relocation.freeze_failed("its worker was lost, and is started again")
        if anew:
            self._kept.remove_checkpoints()
        self._reason, self._state = self._restarts.first_reason, "starting"
        self._showing.note(f"its worker was lost ({reason}); it goes on from the newest checkpoint")
        self.send_after(delay, _StartAgain(self._run))
        self._tell_registry()

    def _finish(self, state: str, reason: ExitReason) -> None:
        self._state, self._reason, self._ended_at = state, reason, time.time()
        self._task = None
        result = {
            "state": state,
            "reason": {**asdict(replace(reason, exception=None, cause=None))},
            "ended": self._ended_at,
            "restarts": self._restarts.count,
            "moves": self._moves,
            "value": self._result.value if self._result else None,
            "text": self._result.text if self._result else None,
            "mail": self._mail.snapshot(),
        }
        try:
            self._kept.write_result(result)
        except OSError as error:
            logger.exception("the result of %s is not on disk", self._party)
            self._showing.note(f"its end is not on disk, and is forgotten with the node: {error}")
        else:
            self._kept.remove_checkpoints()
            self._kept.remove_arrivals()
        self._relocation.ended()
        self._mail.end(str(reason))
        self._answer_all()

    def _answer_all(self) -> None:
        """Whoever waits for its end, or for it to leave, hears of it."""
        described = self.describe()
        waiting, self._awaiting, self._stoppers = [*self._awaiting, *self._stoppers], [], []
        for reply in waiting:
            reply.set(described)
        self._showing.answer(over=self._is_over)
        self._tell_registry()

    def _resolved(self, answer: Resolved) -> None:
        self._mail.resolved(answer)
        if answer.found is None and not answer.certain:
            self.send_after(RESOLVE_EVERY, _ResolveAgain(answer.name))

    # -- moving (`Resident`)

    def _send_move(self, host: str, message: m.Message) -> None:
        self.system.ref(f"{COMPUTATIONS}@{host}").tell(Carry(self._services.host, message))

    def _migrate(self, target: str) -> None:
        if self._is_over:
            raise_later = MoveError(f"{self._name} is {self._state} and does not run here")
            self.defer_reply().set_error(raise_later)
            return
        self._migrating.append(self.defer_reply())
        self._depart(target, "asked for")

    def _take_moves(self, moves: list[dict[str, Any]]) -> None:
        """Know the moves that led here, so that it rests after them."""
        self._moves = list(moves)
        self._rebalance = Rebalance()
        now, today = time.monotonic(), time.time()
        for move in moves:
            self._rebalance.moved(move["source"], move["target"], now - (today - move["at"]))

    def _depart(self, target: str, why: str) -> None:
        self._move_began, self._move_to, self._move_why = time.monotonic(), target, why
        self._relocation.depart(target, plain=self._plain, size=self._size)

    def freeze(self) -> None:
        """Ask the worker to stop at its next safe point."""
        self._freeze_ticket += 1
        if not self._to_worker(w.Freeze("migrate", ticket=self._freeze_ticket)):
            self._relocation.freeze_failed("its worker does not run now; try again")

    def _froze(self, frozen: w.Frozen) -> None:
        descriptor, self._froze_at = frozen.fd, time.monotonic()
        mail = self._mail.snapshot()
        if descriptor is None or mail is None or self._spec is None:
            return
        self._frozen, self._state = True, "moving"
        self._size, self._plain = frozen.size, frozen.plain
        self._mail.freeze()
        snapshot = {
            "spec": self._spec.to_plain(),
            "mail": mail,
            "size": frozen.size,
            "plain": frozen.plain,
            "moves": [*self._moves, self._this_move()][-MOVES_KEPT:],
            "restarts": self._restarts.count,
        }
        try:
            self._relocation.frozen(descriptor, snapshot, plain=frozen.plain, size=frozen.size)
        finally:
            os.close(descriptor)

    def _this_move(self) -> dict[str, Any]:
        return {
            "at": time.time(),
            "source": self._services.host,
            "target": self._move_to,
            "why": self._move_why,
            "printed": self._showing.log.end,
        }

    def resume(self) -> None:
        """Go on here after all."""
        self._freeze_ticket += 1  # whatever is still handed out for the old one is stale
        if not self._frozen:
            self._to_worker(w.Resume())
            return
        self._frozen, self._state = False, "running"
        if self._stopping:
            self._end_now()
            return
        if self._task is None or isinstance(self._task, CommandTask):
            self._go_on()
            return
        self._mail.thaw()
        self._task.send(w.Resume())

    def expect(self) -> None:
        """Start a worker now, that waits for the state."""
        self._spare.start(next(self._runs), self._kept.work, self._showing.log)

    def expect_no_more(self) -> None:
        """End the worker that waits."""
        self._spare.drop()

    def leave(self, target: str, epoch: int) -> None:
        """It belongs to the target: end the worker, forward the mail."""
        self._mail.leave(epoch, target, settled=not self._relocation.is_moving)
        self._to_worker(w.Discard())
        self._task = None
        if self._state != "left":
            self._state = "left"
            self._kept.remove_checkpoints()
            self._kept.remove_arrivals()
            self._showing.note(f"it has moved to {target}")
            self._answer_all()

    def moved(self, target: str, problem: str | None) -> None:
        """A move is over."""
        now = time.monotonic()
        waiting, self._migrating = self._migrating, []
        if problem is not None:
            self._rebalance.failed(now)
            for reply in waiting:
                reply.set_error(
                    MoveError(f"{self._name} stays on {self._services.host}: {problem}")
                )
            return
        self._mail.leave(self._relocation.attempt, target, settled=True)
        outcome = {
            "name": self._name,
            "source": self._services.host,
            "target": target,
            "epoch": self._relocation.attempt,
            "size": self._size,
            "seconds": now - self._move_began,
            "pause": now - self._froze_at,
        }
        for reply in waiting:
            reply.set(outcome)

    # -- what people ask

    def describe(self) -> Described:
        """The computation now."""
        pid = self._task.pid if self._task is not None else None
        cpu, memory = _usage(pid)
        spec = self._spec
        return Described(
            party=self._party,
            name=self._name,
            kind="command" if spec and isinstance(spec.what, Command) else "computation",
            host=self._services.host,
            state="arriving" if self._relocation.is_arriving else self._state,
            restarts=self._restarts.count,
            since=self._since,
            mailbox=self._mail.unread,
            cpu=cpu,
            memory=memory,
            reason=describe_reason(self._reason) if self._reason is not None else None,
            epoch=self._epoch,
            ended=self._ended_at,
            progress=self._progress,
            reads=[(read.path, read.size, read.round_trips) for read in self._reading.so_far()],
            to_come=[(read.path, read.size, read.round_trips) for read in self._reading.to_come()],
            moves=self._moves,
            size=self._size,
            on=spec.on if spec is not None else None,
            near=spec.near if spec is not None else None,
            pid=pid,
        )

    def _tell_registry(self) -> None:
        self._registry.tell(self.describe())

    def _look_around(self) -> None:
        if self._is_over:
            if self._relocation.is_arriving:
                self._tell_registry()
            return
        self._tell_registry()
        self._showing.answer(over=False, all_of_them=True)
        waiting, self._awaiting = self._awaiting, []
        for reply in waiting:
            reply.set(self.describe())
        spec = self._spec
        if self._state != "running" or spec is None or spec.on or spec.near:
            return
        if not self._relocation.is_settled:
            return
        now = time.monotonic()
        proposal = self._rebalance.propose_move(self.needs(), self._services.network(), now)
        if proposal is not None:
            self._depart(proposal.target, f"saves {proposal.gain:.1f} s")

    def needs(self) -> Needs:
        """What it has still to do, as far as can be told from what it did."""
        return Needs(
            name=self._name,
            at=self._services.host,
            reads=self._reading.to_come(),
            state_size=self._size,
            plain=self._plain,
        )

    def _stop(self, *, kill: bool) -> None:
        if not self._await(self._stoppers):
            return
        self._stopping = True
        if self._frozen:
            return  # who has left is stopped where it went, who stays is stopped by `resume`
        if self._task is None:
            self._finish("stopped", SHUTDOWN)
        elif kill:
            self._task.kill()
        else:
            self._task.stop()

    def _end_now(self) -> None:
        """End what was frozen when it was to be stopped."""
        if self._task is None:
            self._finish("stopped", SHUTDOWN)
        else:
            self._task.kill()

    def _await(self, among: list[Reply]) -> bool:
        """Answer the ask in hand at the end; False if that is past."""
        reply = self.defer_reply()
        if self._is_over:
            reply.set(self.describe())
            return False
        among.append(reply)
        return True

    def _type(self, message: Type) -> None:
        match self._task:
            case CommandTask(process=process):
                pass
            case WorkerProcess() as process:
                pass
            case _:
                return
        with suppress(OSError, ValueError):
            if message.size is not None:
                process.resize(*message.size)
            if message.data:
                process.type(message.data)
            if message.signal is not None:
                process.signal(message.signal)


def _usage(pid: int | None) -> tuple[float | None, int | None]:
    """Processor seconds and resident bytes of a process."""
    if pid is None:
        return None, None
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        return times.user + times.system, process.memory_info().rss
    except psutil.Error:
        return None, None


def _may_run_again(spec: Spec) -> bool:
    """Whether the code may run a second time: a command only if that was said."""
    if not isinstance(spec.what, Command):
        return True
    return spec.what.restartable or spec.restart == "permanent"


def _answer(task: Task, answer: w.Answer) -> None:
    """In whatever thread: the worker that wanted it gets the answer, and no later one."""
    task.send(answer)


def _close_descriptor(message: w.ToNode) -> None:
    if isinstance(message, w.Frozen | w.Checkpoint) and message.fd is not None:
        os.close(message.fd)
