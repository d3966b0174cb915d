"""All that is known of one computation on one host: shared by its parts, told to people, kept.

The parts of a computation's actor (what runs it, what moves it, the actor itself) write down here
what they learn. It is described from here, and its end is written to disk and recalled from here.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import psutil

from simulacra.actors.compute import messages as w
from simulacra.actors.compute.computing import Described, describe_reason
from simulacra.actors.compute.reading import Reading
from simulacra.actors.compute.restarting import Restarts
from simulacra.actors.compute.spec import Command, Spec
from simulacra.actors.runtime import ExitReason

_ENDED: Final = frozenset({"done", "failed", "stopped"})


@dataclass(slots=True)
class Dossier:
    """What is known of a computation here.

    Attributes:
        party: its name among all computations that ever were.
        host: this host.
        spec: what is computed; None before that has come here.
        state: as `Described.state`; ``left`` unless the records say that it is here.
        reason: why it ended, or first failed.
        ended: when it ended, seconds since the epoch.
        result: what it returned.
        since: when its worker was started, seconds since the epoch.
        epoch: of its place here.
        frozen: whether it was handed out, and may be gone.
        stopping: whether it was told to end.
        size: bytes of its last snapshot.
        plain: whether that was plain data; None before the first.
        moves: its moves, latest last, as `Described.moves`.
        restarts: how often its worker is started again.
        reading: what it reads.
        progress: how far its outermost loop is.
    """

    party: str
    host: str
    spec: Spec | None = None
    state: str = "left"
    reason: ExitReason | None = None
    ended: float | None = None
    result: w.Result | None = None
    since: float | None = None
    epoch: int = 0
    frozen: bool = False
    stopping: bool = False
    size: int = 0
    plain: bool | None = None
    moves: list[dict[str, Any]] = field(default_factory=list)
    restarts: Restarts = field(default_factory=lambda: Restarts("temporary"))
    reading: Reading = field(default_factory=Reading)
    progress: tuple[str, int, int] | None = None

    @property
    def name(self) -> str:
        """Its name in the network."""
        return self.party.rpartition("#")[0]

    @property
    def is_over(self) -> bool:
        """Whether it does not run here, and will not unless it comes back."""
        return self.state in _ENDED or self.state == "left"

    @property
    def is_command(self) -> bool:
        """Whether it is a command."""
        return self.spec is not None and isinstance(self.spec.what, Command)

    @property
    def may_run_again(self) -> bool:
        """Whether the code may run a second time: a command only if that was said."""
        if self.spec is None or not isinstance(self.spec.what, Command):
            return True
        return self.spec.what.restartable or self.spec.restart == "permanent"

    def take_spec(self, spec: Spec) -> None:
        """What is computed has come, or is read back."""
        self.spec = spec
        self.restarts = Restarts(
            spec.restart if self.may_run_again else "temporary", command=self.is_command
        )

    def began(self) -> None:
        """Its worker is started."""
        self.state, self.since, self.frozen = "running", time.time(), False

    # -- its end

    def end(self, state: str, reason: ExitReason) -> None:
        """It has ended now."""
        self.state, self.reason, self.ended = state, reason, time.time()

    def outcome(self) -> dict[str, Any]:
        """Its end as plain data, for `recall`."""
        reason = self.reason and asdict(replace(self.reason, exception=None, cause=None))
        return {
            "state": self.state,
            "reason": reason,
            "ended": self.ended,
            "restarts": self.restarts.count,
            "moves": self.moves,
            **self.returned(),
        }

    def recall(self, outcome: dict[str, Any]) -> None:
        """Know the end that `outcome` gave, after a restart of the node."""
        self.state, self.ended = outcome["state"], outcome["ended"]
        self.reason = ExitReason(**outcome["reason"])
        self.restarts.count, self.moves = outcome["restarts"], outcome["moves"]
        if outcome["text"] is not None:
            self.result = w.Result(outcome["value"], outcome["text"])

    def returned(self) -> dict[str, Any]:
        """What it returned: the value packed, and as text; None where it did not return."""
        return {
            "value": self.result.value if self.result else None,
            "text": self.result.text if self.result else None,
        }

    # -- as people see it

    def describe(self, *, mailbox: int, pid: int | None, is_arriving: bool) -> Described:
        """It as it is now; the arguments are what its parts know."""
        cpu, memory = _usage(pid)
        if cpu is not None:
            self.reading.worked(cpu, time.monotonic())
        return Described(
            party=self.party,
            name=self.name,
            kind="command" if self.is_command else "computation",
            host=self.host,
            state="arriving" if is_arriving else self.state,
            restarts=self.restarts.count,
            since=self.since,
            mailbox=mailbox,
            cpu=cpu,
            memory=memory,
            reason=describe_reason(self.reason) if self.reason is not None else None,
            epoch=self.epoch,
            ended=self.ended,
            progress=self.progress,
            reads=[(read.path, read.size, read.round_trips) for read in self.reading.so_far()],
            to_come=[(read.path, read.size, read.round_trips) for read in self.reading.to_come()],
            moves=self.moves,
            size=self.size,
            on=self.spec.on if self.spec is not None else None,
            near=self.spec.near if self.spec is not None else None,
            pid=pid,
            work=self.reading.work_to_come(),
            busy=self.reading.busy,
            labels=list(self.spec.labels) if self.spec is not None else [],
        )


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
