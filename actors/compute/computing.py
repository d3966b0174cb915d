"""The messages that a `Computation` actor and the node's table of them understand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from simulacra.actors.compute import letters, moves
from simulacra.actors.compute import messages as w
from simulacra.actors.compute.limits import say_limit
from simulacra.actors.runtime import ExitReason, Ref
from simulacra.actors.runtime.wire_types import register

HELD: Final = "held"
"""The state of a service's replica that its node has kept, and does not run unasked."""

HELD_WHY: Final = "it ran before its node was started; it waits for the master's word"


@dataclass(frozen=True, slots=True)
class WorkerSaid:
    """The worker of a certain run sent a message."""

    run: int
    message: w.ToNode


@dataclass(frozen=True, slots=True)
class WorkerEnded:
    """The worker of a certain run is gone, with all that it started."""

    run: int
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Here:
    """A computation's actor has started, perhaps again, as ``ref``."""

    party: str
    ref: Ref


@register("compute.carry")
@dataclass(frozen=True, slots=True)
class Carry:
    """A message of the moving protocol, from a host to the computation it names."""

    host: str
    message: Any


@register("compute.migrate")
@dataclass(frozen=True, slots=True)
class Migrate:
    """Move to a host. Answered with a map when it runs there, with an error when it stays."""

    party: str
    target: str


@register("compute.stop")
@dataclass(frozen=True, slots=True)
class StopIt:
    """End. Answered with `Described` when it has ended."""

    party: str
    kill: bool = False


@register("compute.go-on")
@dataclass(frozen=True, slots=True)
class GoOn:
    """Run, if it is held. Answered with `Described`."""

    party: str


@register("compute.await")
@dataclass(frozen=True, slots=True)
class Await:
    """Answered with `Described` when it has ended or left this host, or as it is after 1 s."""

    party: str


@register("compute.look")
@dataclass(frozen=True, slots=True)
class Look:
    """Answered with `Described`, at once."""

    party: str


@register("compute.output")
@dataclass(frozen=True, slots=True)
class ReadOutput:
    """Answered with `Output`: at once, or with ``wait`` when there is some, or none after 1 s.

    Attributes:
        party: which one.
        after: the position to read from; negative, so many bytes before the end.
        limit: bytes to read at most.
        wait: whether to wait for some.
    """

    party: str
    after: int = 0
    limit: int = 1 << 20
    wait: bool = False


@register("compute.output-piece")
@dataclass(frozen=True, slots=True)
class Output:
    """A piece of what a computation printed.

    Attributes:
        data: the bytes.
        next: the position behind them, for the next `ReadOutput`.
        lost: bytes that were lost before them.
        ended: whether no more will come.
        epoch: of its place here, as `Described.epoch`.
    """

    data: bytes
    next: int
    lost: int
    ended: bool
    epoch: int = 0


@register("compute.type")
@dataclass(frozen=True, slots=True)
class Type:
    """For a command's terminal: bytes typed, its new size, or a signal for the command."""

    party: str
    data: bytes = b""
    size: tuple[int, int] | None = None
    signal: int | None = None


@register("compute.described")
@dataclass(frozen=True, slots=True)
class Described:
    """A computation as people see it.

    Attributes:
        party: which one.
        name: as it was named.
        kind: ``computation`` or ``command``.
        host: where this was said.
        state: see docs/guide/gateway.md.
        restarts: how often its worker was started again.
        since: when its worker was started, seconds since the epoch; None before.
        mailbox: letters that wait to be read.
        cpu: seconds of processor time used by its worker.
        memory: resident bytes of its worker.
        reason: why it ended, or first failed, as a map; None for neither.
        epoch: of the place where it is.
        ended: when it ended, seconds since the epoch; None before.
        progress: how far its outermost loop is, as (name, done, total).
        reads: what it has read, as (host:path, bytes, files opened).
        to_come: what it will probably still read, likewise.
        moves: its moves, latest last: maps of ``at`` (seconds since the epoch), ``source``,
            ``target``, ``why``, and ``printed``, the position in its log at the source.
        size: bytes of its last snapshot.
        on: the host that its user wants it on.
        near: the place that its user wants it near to.
        pid: the process of its worker or command, where one runs.
        work: seconds of processor time of its host that it will probably still use.
        busy: how many cores it keeps busy.
        labels: what its user wants its host to be marked with.
    """

    party: str
    name: str
    kind: str
    host: str
    state: str
    restarts: int = 0
    since: float | None = None
    mailbox: int = 0
    cpu: float | None = None
    memory: int | None = None
    reason: dict[str, Any] | None = None
    epoch: int = 0
    ended: float | None = None
    progress: tuple[str, int, int] | None = None
    reads: list[tuple[str, int, int]] = field(default_factory=list)
    to_come: list[tuple[str, int, int]] = field(default_factory=list)
    moves: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0
    on: str | None = None
    near: str | None = None
    pid: int | None = None
    work: float = 0.0
    busy: float = 0.0
    labels: list[str] = field(default_factory=list)


@register("compute.result")
@dataclass(frozen=True, slots=True)
class GetResult:
    """Answered with a map: ``value`` (packed bytes or None) and ``text``."""

    party: str


def describe_reason(reason: ExitReason) -> dict[str, Any]:
    """A reason as the gateway tells it."""
    code = reason.detail if isinstance(reason.detail, int) else None
    return {
        "kind": reason.kind if code is None else "exit",
        "text": say_limit(reason.detail) if reason.kind == "limit" else str(reason),
        "traceback": (reason.error[2] or None) if reason.error is not None else None,
        "exit": code,
    }


for _name, _class in (
    *((cls.__name__, cls) for cls in (letters.Place, letters.Letter)),
    *((cls.__name__, cls) for cls in letters.Packet.__args__),
    *((cls.__name__, cls) for cls in moves.Message.__args__),
    ("Software", moves.Software),
):
    register(f"compute.{_name.lower()}")(_class)
