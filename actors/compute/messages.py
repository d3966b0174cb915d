"""What a node and a worker say to each other.

====================  ==========================================================================
node to worker        Coming, Start, Mail, Freeze, Resume, Discard, Stop, Answer
worker to node        Ready, Failed, Frozen, NotFrozen, Checkpoint, Taken, Send, Ask, Reply,
                      Request, Read, Progress, Result, Error
====================  ==========================================================================

All fields are plain data; a field ``fd`` is a descriptor that travels beside the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, get_args


@dataclass(frozen=True, slots=True)
class Coming:
    """Before Start: a snapshot of so many bytes is on its way."""

    size: int


@dataclass(frozen=True, slots=True)
class Start:
    """Run this. With a descriptor: the snapshot to go on from.

    Attributes:
        spec: `Spec.to_plain`.
        name: the computation's name.
        host: the host where the worker is.
        fd: the snapshot, positioned at its beginning, or None at the first start.
    """

    spec: dict[str, Any]
    name: str
    host: str
    fd: int | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """A message for the computation.

    Attributes:
        n: its number among all mail to this computation, from 1 without gaps.
        sender: address of the sender.
        body: `values.pack` of the message.
        ask: what to name in the `Reply`, or None where no answer is awaited.
    """

    n: int
    sender: str
    body: bytes
    ask: str | None = None


@dataclass(frozen=True, slots=True)
class Freeze:
    """Stop at the next safe point, and hand out a snapshot.

    Attributes:
        why: for the log: ``migrate``, ``checkpoint``, ``preempt``.
        portable: whether the snapshot must be plain data, for another Python or architecture.
        ticket: comes back in the answer, so that one to a freeze given up is told apart.
    """

    why: str
    portable: bool = False
    ticket: int = 0


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on after a freeze; before the safe point is reached, forget the freeze."""


@dataclass(frozen=True, slots=True)
class Discard:
    """The computation goes on elsewhere: end, without a result."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End at the next safe point."""

    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an `Ask` or a `Request`.

    Attributes:
        request: its number.
        value: packed (`values.pack`) for an ask, raw bytes for a file read, or None.
        error: class name and text, if it failed.
    """

    request: int
    value: Any = None
    error: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """The code is loaded, and starts now."""

    pid: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The code could not be loaded: a syntax error, a missing module; nothing was run."""

    error: str
    text: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """Here is the snapshot, and nothing runs until Resume or Discard.

    Attributes:
        size: bytes of the snapshot.
        plain: whether the state is plain data, and so may move between Python versions.
        consumed: the number of the last mail whose effect is in the snapshot.
        sent: the number of the last `Send` that is in the snapshot.
        ticket: the freeze's. Another one's means: the computation went on since; throw it away.
        extents: where in the file the snapshot is: offsets and lengths, in order.
        fd: the file, the worker's memory: there until Resume or Discard, and while it lives.
    """

    size: int
    plain: bool
    consumed: int
    sent: int
    ticket: int = 0
    extents: Sequence[Sequence[int]] = ()
    fd: int | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A snapshot for the disk, all of the file ``fd``; it runs on. Other fields as in `Frozen`."""

    size: int
    plain: bool
    consumed: int
    sent: int
    fd: int | None = None


@dataclass(frozen=True, slots=True)
class NotFrozen:
    """No snapshot could be made, and the computation goes on.

    Attributes:
        why: what cannot move, where it is, and what to do.
        freezing: whether a freeze was asked for; else it was a checkpoint.
        ticket: the freeze's.
    """

    why: str
    freezing: bool
    ticket: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """The computation has received mail up to ``n``: room for more."""

    n: int


@dataclass(frozen=True, slots=True)
class Send:
    """Mail from the computation.

    Attributes:
        n: its number, from 1; what runs again after a crash sends the same numbers again, and
            the node drops a number it has seen.
        to: address.
        body: packed.
    """

    n: int
    to: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """A question of the computation, to be answered with `Answer`; asked again after a crash."""

    request: int
    to: str
    body: bytes
    timeout: float | None


@dataclass(frozen=True, slots=True)
class Reply:
    """The computation's answer to an ask; ``error`` as in `Answer`."""

    ask: str
    body: bytes
    error: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Something of another host's files, to be answered with `Answer`.

    Attributes:
        op: ``stat`` (value: {"size", "mtime", "is_dir"}), ``list`` (names) or ``read`` (bytes).
        host: whose.
        path: which.
        offset: where to read.
        size: how much to read, at most.
    """

    request: int
    op: str
    host: str
    path: str
    offset: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """The computation opened files of so many bytes below this ``host:path``: for placement."""

    path: str
    size: int
    files: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a loop of `ctx.steps` is."""

    name: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Result:
    """The computation has ended; its value, packed, and as text for people."""

    value: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Error:
    """The computation's code raised."""

    error: str
    text: str
    traceback: str


ToWorker = Coming | Start | Mail | Freeze | Resume | Discard | Stop | Answer
ToNode = (
    Ready
    | Failed
    | Frozen
    | NotFrozen
    | Checkpoint
    | Taken
    | Send
    | Ask
    | Reply
    | Request
    | Read
    | Progress
    | Result
    | Error
)
Message = ToWorker | ToNode

KINDS: Final[dict[str, type[Message]]] = {kind.__name__: kind for kind in get_args(Message)}
WITH_FD: Final = frozenset(
    name for name, kind in KINDS.items() if any(f.name == "fd" for f in fields(kind))
)
