"""One call, as its handler sees it.

A handler is given a ``Call`` and returns the items of its answer, usually as a generator. Items
that come up in another thread go out by ``Call.send``. A duplex handler takes what the client
types by ``Call.receive``. When the client goes away or the time is up, ``Call.cancelled`` is set
and every method that waits or sends raises ``Cancelled``, which the handler lets pass.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar, overload

from simulacra.actors.gateway.frames import ErrorCode, Frame, FrameError, GatewayError

T = TypeVar("T")
D = TypeVar("D")

_INPUTS: Final = 256
_INPUT_PATIENCE: Final = 30.0
_REQUIRED: Final = object()


class Cancelled(Exception):  # noqa: N818 (a cancellation is no error)
    """The client is gone or the call's time is up: nobody waits for the answer."""


@dataclass(frozen=True)
class Input:
    """Bytes for the other side's standard input; None is its end."""

    data: bytes | None


@dataclass(frozen=True)
class Resize:
    """The client's terminal has a new size, in character cells."""

    rows: int
    columns: int


@dataclass(frozen=True)
class Signal:
    """A signal for the other side, by name: ``"SIGINT"``."""

    name: str


@dataclass(frozen=True)
class Credit:
    """The client has disposed of so many bytes of output: as many more may be sent to it."""

    size: int


Event: TypeAlias = Input | Resize | Signal | Credit


class Call:
    """A request and the way back to its client.

    Attributes:
        trace: The trace id that the client gave the call.
        verb: What is asked for.
        args: Its arguments, plain data; read them by ``arg``.
        timeout: Seconds that it may take in all; None for a call without an end.
        cancelled: Set when nobody waits for the answer any more.
    """

    def __init__(
        self,
        trace: str,
        verb: str,
        args: Mapping[str, Any],
        transmit: Callable[[Frame], None],
        timeout: float | None = None,
    ) -> None:
        self.trace = trace
        self.verb = verb
        self.args = args
        self.timeout = timeout
        self.cancelled = threading.Event()
        self._transmit = transmit
        self._events: deque[Event] = deque()
        self._changed = threading.Condition()

    @overload
    def arg(self, name: str, kind: type[T]) -> T: ...
    @overload
    def arg(self, name: str, kind: type[T], default: D) -> T | D: ...
    def arg(self, name: str, kind: type[T], default: Any = _REQUIRED) -> Any:
        """Return the argument ``name``, which has to be a ``kind``; ``default`` if it is absent.

        Raises:
            GatewayError: ``usage`` where it is missing and has no default, or is no ``kind``.
        """
        value = self.args.get(name)
        if value is None:
            if default is _REQUIRED:
                raise GatewayError(ErrorCode.USAGE, f"{self.verb} needs the argument {name!r}")
            return default
        fits = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
        if kind is float and isinstance(value, int):
            return float(value)
        if not fits:
            raise GatewayError(
                ErrorCode.USAGE,
                f"the argument {name!r} of {self.verb} is {type(value).__name__}, "
                f"where {kind.__name__} is expected",
            )
        return value

    @overload
    def path(self, name: str) -> str: ...
    @overload
    def path(self, name: str, default: D) -> str | D: ...
    def path(self, name: str, default: Any = _REQUIRED) -> Any:
        """Return an argument that is a path: a ``str``, or ``bytes`` where it is no UTF-8.

        In what is returned surrogates stand for such bytes, as in Python's names of files.

        Raises:
            GatewayError: as of ``arg``.
        """
        value = self.args.get(name)
        return os.fsdecode(value) if isinstance(value, bytes) else self.arg(name, str, default)

    def send(self, item: object) -> None:
        """Send one item of the answer; from any thread.

        Raises:
            Cancelled: Nobody waits for it.
            GatewayError: The item is not plain data, or too large.
        """
        self.check()
        self._transmit({"id": self.trace, "item": item})

    def check(self) -> None:
        """Raise ``Cancelled`` where nobody waits for the answer any more."""
        if self.cancelled.is_set():
            raise Cancelled

    def receive(self, timeout: float) -> Event | None:
        """Return what the client sent next, or None where nothing came in ``timeout`` seconds.

        Raises:
            Cancelled: The client is gone and everything it sent has been read.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._events or self.cancelled.is_set(), timeout)
            if self._events:
                self._changed.notify_all()
                return self._events.popleft()
        self.check()
        return None

    def offer(self, frame: Frame) -> None:
        """Queue a frame of the client for ``receive``, waiting while the queue is full.

        The wait is the bound's policy: what somebody types into a busy program piles up in the
        client's socket, not in the node. It ends after 30 s, so that a verb that reads no input
        does not keep the connection's end from being seen.

        Raises:
            FrameError: It is no frame that a client may send after its request, or nobody takes
                what was sent before.
        """
        event = _event(frame)
        with self._changed:
            if not self._changed.wait_for(
                lambda: len(self._events) < _INPUTS or self.cancelled.is_set(), _INPUT_PATIENCE
            ):
                raise FrameError(f"{self.verb} takes no input: {_INPUTS} frames of it wait")
            self._events.append(event)
            self._changed.notify_all()

    def cancel(self) -> None:
        """Set ``cancelled`` and wake whoever waits."""
        with self._changed:
            self.cancelled.set()
            self._changed.notify_all()


def _event(frame: Frame) -> Event:
    match frame:
        case {"input": bytes() | None as data}:
            return Input(data)
        case {"resize": [int() as rows, int() as columns]}:
            return Resize(rows, columns)
        case {"signal": str() as name}:
            return Signal(name)
        case {"credit": int() as size} if size > 0:
            return Credit(size)
    raise FrameError(f"after the request a client may not send {sorted(frame)}")


Handler: TypeAlias = Callable[[Call], Iterable[object]]
"""What answers a verb: takes the call and returns the items, usually as a generator."""
