"""The actor ``focus``: who is master, and the way to it.

It drives the machine of `mastership` on real time: what the machine saves goes on the disk before
what follows from it is sent. While this host is master it has a child ``master``, a supervisor of
what it is given; where that fails for good, so does the focus, and another host takes over.

- `Request` is answered with an `Answer`, from wherever the master is; an error says that there was
  none in time. The request's id makes a second try harmless.
- `Admit` says whether an order of an epoch may take effect on this host.
- `MemberUp` and `MemberDown` come from membership. `Describe` tells everything, for people.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.election import Standing
from simulacra.actors.cluster.entry_kinds import settings
from simulacra.actors.cluster.epochs import NO_EPOCH, Epoch
from simulacra.actors.cluster.focus_client import UnansweredError
from simulacra.actors.cluster.focus_store import FocusStore
from simulacra.actors.cluster.focus_timing import Timing
from simulacra.actors.cluster.forks import entry_of
from simulacra.actors.cluster.journal import Base, Entry, Journal
from simulacra.actors.cluster.mastership import Mastership
from simulacra.actors.cluster.seat import Seat
from simulacra.actors.runtime import Actor, ChildSpec, ExitReason, Ref, Supervisor
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.reason import SHUTDOWN
from simulacra.actors.runtime.timers import Timer
from simulacra.actors.runtime.wire_types import register

FOCUS: Final = "focus"
MASTER: Final = "master"
_STOPPING: Final = 2.0

logger = logging.getLogger(__name__)

for _name, _cls in (
    ("epoch", Epoch), ("entry", Entry), ("base", Base), ("standing", Standing),
    *m.MESSAGES.items(),
):  # fmt: skip
    register(f"focus.{_name}")(_cls)


@register("focus.mail")
@dataclass(frozen=True, slots=True)
class Mail:
    """A message between the focus of two hosts."""

    sender: str
    message: Any


@register("focus.describe")
@dataclass(frozen=True, slots=True)
class Describe:
    """Answered with all that is known of the focus, as plain data."""


@dataclass(frozen=True, slots=True)
class _KillMaster:
    """The former master's parts have had their time to stop."""

    master: Ref


def _boot_time() -> float:
    """Seconds on a clock that runs on while the host is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _no_standing() -> Standing:
    return Standing()


@dataclass
class FocusView:
    """Who is master, as this host knows; read from any thread.

    Attributes:
        epoch: the highest seen; its host is the master.
        why: why it became so, as far as this host was told.
        since: when this host heard of it, in seconds since 1970; 0 for not since it started.
        acting: the epoch in which this host acts as master now; None when it does not.
        successors: the hosts first in line after the master, as it said to this host last.
        settings: of the network, as far as this host's journal goes; replaced as a whole.
    """

    epoch: Epoch = NO_EPOCH
    why: str = ""
    since: float = 0.0
    acting: Epoch | None = None
    successors: tuple[str, ...] = ()
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class FocusSettings:
    """What the focus is given by its node.

    Attributes:
        path: its file on the disk.
        reachable: the hosts that membership reaches now.
        is_alone: whether there is no other host that could be master: a new host waits for none.
        standing: what this host says of itself as a candidate.
        children: of ``master``, for an epoch; they are started and stopped with it.
        changed: called with every change of the focus, in the actor's thread.
        merged: called with the record of a split that was healed and merged, in the same thread.
        timing: times and bounds.
    """

    path: Path
    reachable: Callable[[], Collection[str]]
    is_alone: Callable[[], bool] = lambda: False
    standing: Callable[[], Standing] = _no_standing
    children: Callable[[Epoch], Iterable[ChildSpec]] = lambda _: ()
    changed: Callable[[m.MasterChanged], None] = lambda _: None
    merged: Callable[[dict[str, Any]], None] = lambda _: None
    timing: Timing = field(default_factory=Timing)


class Focus(Actor):
    """See the module.

    Args:
        settings: from the node.
        view: kept up to date for other threads.

    Raises:
        DamagedStoreError: the disk holds something else; the text says what to do.
    """

    def __init__(self, settings: FocusSettings, view: FocusView | None = None) -> None:
        self._settings = settings
        self._view = view or FocusView()
        self._replies: dict[str, list[Reply]] = {}
        self._timer: Timer | None = None
        self._due = 0.0
        self._master: Ref | None = None
        self._ending: Ref | None = None
        self._splits: set[str] = set()
        self._store = FocusStore(settings.path)
        self._seat = self._take_seat()
        self._machine = Mastership(self._seat, _boot_time())

    def _take_seat(self) -> Seat:
        """Read the disk."""
        try:
            kept = self._store.load()
        except BaseException:
            self._store.close()
            raise
        told = self._settings
        self._view.epoch = kept.epoch
        return Seat(
            self.system.name, kept.life, kept.journal, told.reachable, told.standing, time.time,
            told.is_alone, told.timing, kept.epoch,
        )  # fmt: skip

    def on_start(self) -> None:
        """Begin to listen."""
        self._show()
        self._arm()

    def on_stop(self, reason: ExitReason) -> None:
        """Let go of the disk."""
        del reason
        self._view.acting = None
        self._store.close()

    def on_receive(self, message: Any) -> Any:
        """Step the machine, or tell what is known."""
        match message:
            case Mail(sender, tiding) if type(tiding) in m.MESSAGES.values():
                self._step(m.Arrived(sender, tiding))
            case m.Request():
                self._ask(message)
            case m.Admit(epoch):
                self._step(message)
                return epoch == self._seat.epoch
            case m.MemberUp() | m.MemberDown():
                self._step(message)
            case _KillMaster(master):
                self._kill_master(master)
            case m.Tick():
                self._timer = None
                self._step(message)
            case Describe():
                return self._describe()
            case _:
                self.refuse(message)
        return None

    def _ask(self, request: m.Request) -> None:
        self._replies.setdefault(request.request, []).append(self.defer_reply())
        self._step(request)

    def _step(self, event: m.Event) -> None:
        shown = self._seat.journal.end
        commands = self._machine.step(event, _boot_time())
        for is_save, group in groupby(commands, lambda command: isinstance(command, m.Save)):
            if is_save:
                self._store.save(command for command in group if isinstance(command, m.Save))
                if self._seat.journal.end != shown:
                    shown = self._seat.journal.end
                    self._show()  # now: whoever is answered finds what it set
            else:
                for command in group:
                    self._perform(command)
        self._view.successors = self._machine.successors
        self._arm()

    def _show(self) -> None:
        journal = self._seat.journal
        self._view.settings = settings(journal.state)
        splits = set(journal.state.keys("splits"))
        if self._timer is not None:  # not of what the disk had
            for split in sorted(splits - self._splits):
                self._settings.merged(journal.state.first("splits", split))
        self._splits = splits

    def _arm(self) -> None:
        """Be stepped at the deadline; an alarm that rings too early is let ring."""
        due = self._machine.deadline()
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = self.send_after(max(due - _boot_time(), 0), m.Tick())

    def _perform(self, command: m.Command) -> None:
        match command:
            case m.Send(host, message):
                mail = Mail(self._seat.host, message)
                self.system.ref(f"{FOCUS}@{host}").ask(mail, block=False)  # a tell might wait
            case m.Answered(request, answer):
                for reply in self._replies.pop(request, ()):
                    reply.set(answer)
            case m.GaveUp(request, why):
                for reply in self._replies.pop(request, ()):
                    reply.set_error(UnansweredError(why))
            case m.StartMaster(epoch, why):
                self._start_master(epoch, why)
            case m.StopMaster(why):
                self._stop_master(why)
            case m.MasterChanged(epoch, why):
                self._view.epoch, self._view.why, self._view.since = epoch, why, time.time()
                logger.info("the focus is on %s (epoch %s): %s", epoch.host, epoch, why)
                self._settings.changed(command)

    # -- the child

    def _kill_master(self, master: Ref) -> None:
        if self._ending == master:
            self._ending = None
        if master.is_alive():
            logger.warning("the master's parts have not stopped yet: killed")
            master.kill()

    def _start_master(self, epoch: Epoch, why: str) -> None:
        if self._ending is not None:  # it has the name
            self._kill_master(self._ending)
        logger.info("this host acts as master in epoch %s: %s", epoch, why)
        specs = list(self._settings.children(epoch))
        self._master = self.spawn(Supervisor, None, specs, name=MASTER)
        self._view.acting = epoch

    def _stop_master(self, why: str) -> None:
        logger.info("this host does not act as master now: %s", why)
        self._view.acting = None
        master, self._master = self._master, None
        if master is None:
            return
        self.unlink(master)
        # Nobody waits for it: what it still orders has an epoch that is refused.
        master.exit(SHUTDOWN, block=False)
        self._ending = master
        self.send_after(_STOPPING, _KillMaster(master))

    # -- for people

    def _describe(self) -> dict[str, Any]:
        journal, seat = self._seat.journal, self._seat
        acting = self._machine.acting
        return {
            "host": seat.host,
            "master": seat.epoch.host,
            "epoch": seat.epoch.to_plain(),
            "since": self._view.since or _since(journal, seat.epoch),
            "why": self._view.why or _why(journal, seat.epoch),
            "acting": acting is not None,
            "dropped": self._machine.dropped,
            "journal": journal.end[0],
            "succession": seat.succession(),
            "history": _table(journal, "masters"),
            "splits": sorted(_table(journal, "splits"), key=itemgetter("at")),
            "settings": settings(journal.state),
        }


def _table(journal: Journal, table: str) -> list[Any]:
    return [journal.state.first(table, key) for key in journal.state.keys(table)]


def _since(journal: Journal, epoch: Epoch) -> float:
    return float(entry_of(journal.state, epoch).get("since", 0.0))


def _why(journal: Journal, epoch: Epoch) -> str:
    return str(entry_of(journal.state, epoch).get("why", ""))
