"""The channel between a node and a worker: packets over an inherited Unix socket pair.

The socket is SOCK_SEQPACKET: one packet is one message, and file descriptors belong to exactly
the packet they came with. A packet is one byte, ``i`` or ``m``, and the message ``[kind, fields]``
in msgpack: inline, or, where it is over `INLINE_LIMIT`, in a memfd sent along. Bulk (snapshots)
never goes through messages: it is written to a memfd once, and the descriptor is passed.

====================  ==========================================================================
node to worker        Start, Mail, Freeze, Resume, Discard, Stop, Answer
worker to node        Ready, Failed, Frozen, NotFrozen, Checkpoint, Taken, Send, Ask, Reply,
                      Request, Read, Progress, Result, Error
====================  ==========================================================================

A closed channel means that the other side is gone: the worker ends itself then. A message over
`MESSAGE_LIMIT` is refused on sending.
"""

from __future__ import annotations

import array
import os
import socket
from dataclasses import astuple, dataclass, fields
from typing import Any, Final, get_args

import msgpack

INLINE_LIMIT: Final = 32 * 1024
MESSAGE_LIMIT: Final = 64 * 2**20
FDS_LIMIT: Final = 2

_INLINE: Final = b"i"
_MEMFD: Final = b"m"


class ChannelClosedError(ConnectionError):
    """The other side has closed the channel or ended."""


class MessageTooLargeError(ValueError):
    """A message is over the limit; bulk goes through files or state."""


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
    """

    why: str
    portable: bool = False


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
        fd: the snapshot.
    """

    size: int
    plain: bool
    consumed: int
    sent: int
    fd: int | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A snapshot for the disk; the computation runs on. Fields as in `Frozen`."""

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
    """

    why: str
    freezing: bool


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
        op: ``stat`` (value: {"size", "mtime", "dir"}), ``list`` (names) or ``read`` (bytes).
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
    """The computation opened so many bytes below this ``host:path``: for placement."""

    path: str
    size: int


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


ToWorker = Start | Mail | Freeze | Resume | Discard | Stop | Answer
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

_KINDS: Final[dict[str, type[Message]]] = {kind.__name__: kind for kind in get_args(Message)}
_WITH_FD: Final = frozenset(
    name for name, kind in _KINDS.items() if any(f.name == "fd" for f in fields(kind))
)


class Channel:
    """One end of the channel. One thread receives; sending needs a lock of the caller's."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over ``sock``, one end of `pair`."""
        self._socket = sock

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Two ends; neither is inherited unless it is passed on purpose."""
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(near), cls(far)

    def fileno(self) -> int:
        """The descriptor, for selectors and for passing it on."""
        return self._socket.fileno()

    def send(self, message: Message, *, wait: bool = True) -> bool:
        """Send a message; its descriptor, if it has one, stays the caller's to close.

        Args:
            message: what to send.
            wait: whether to wait where the other side is slow.

        Returns:
            Whether it was sent; False only without ``wait``, when the other side is slow.

        Raises:
            MessageTooLargeError: it is over `MESSAGE_LIMIT`.
            ChannelClosedError: the other side is gone.
        """
        kind = type(message).__name__
        values = list(astuple(message))
        fd = values.pop() if kind in _WITH_FD else None
        data = msgpack.packb([kind, values])
        if len(data) > MESSAGE_LIMIT:
            raise MessageTooLargeError(
                f"a {kind} of {len(data)} bytes is over the limit of {MESSAGE_LIMIT}:"
                " write it to a file and send the path, or keep it in ctx.state"
            )
        if len(data) <= INLINE_LIMIT:
            return self._send(_INLINE + data, [fd], wait=wait)
        body = memfd(data)
        try:
            return self._send(_MEMFD, [body, fd], wait=wait)
        finally:
            os.close(body)

    def _send(self, packet: bytes, fds: list[int | None], *, wait: bool) -> bool:
        passed = array.array("i", [fd for fd in fds if fd is not None])
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)] if passed else []
        flags = socket.MSG_NOSIGNAL | (0 if wait else socket.MSG_DONTWAIT)
        try:
            self._socket.sendmsg([packet], control, flags)
        except BlockingIOError:
            return False
        except OSError as error:
            raise ChannelClosedError("the other side of the channel is gone") from error
        return True

    def receive(self) -> Message:
        """Wait for the next message; a descriptor that came with it is the caller's to close.

        Raises:
            ChannelClosedError: the other side is gone, or does not keep to the protocol.
        """
        size = INLINE_LIMIT + 1
        try:
            packet, fds, flags, _ = socket.recv_fds(
                self._socket, size, FDS_LIMIT, socket.MSG_CMSG_CLOEXEC
            )
        except OSError as error:
            raise ChannelClosedError("the other side of the channel is gone") from error
        try:
            if not packet or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                raise ChannelClosedError("the channel was closed")
            return _decode(packet, fds)
        finally:
            for fd in fds:
                os.close(fd)

    def close(self) -> None:
        """Close this end: the other side learns of it."""
        self._socket.close()


def memfd(data: bytes) -> int:
    """A new anonymous file that holds ``data``, positioned at its beginning."""
    fd = os.memfd_create("simulacra")
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _decode(packet: bytes, fds: list[int]) -> Message:
    """The message of a packet; takes what it keeps out of ``fds``."""
    data = packet[1:]
    if packet[:1] == _MEMFD:
        body = fds.pop(0)
        with open(body, "rb") as file:
            data = file.read(MESSAGE_LIMIT)
    try:
        kind, values = msgpack.unpackb(data, use_list=True, strict_map_key=False)
        if kind in _WITH_FD:
            values.append(fds.pop() if fds else None)
        return _KINDS[kind](*values)
    except (ValueError, TypeError, KeyError) as error:
        raise ChannelClosedError(f"not a message of this protocol: {error!r}") from error
