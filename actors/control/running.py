"""A command that runs on another host: its start there, and its streams."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.compute.run_frames import (
    BEAT_EVERY,
    LOST_AFTER,
    Beat,
    Ended,
    Frame,
    Grant,
    Piece,
    RunFrameError,
    Sent,
    Shape,
    pack,
    unpack,
)
from simulacra.actors.compute.runs import StartRun
from simulacra.actors.control.learning import Learning
from simulacra.actors.control.other_hosts import ask_host, check_host
from simulacra.actors.gateway.call import Call, Cancelled, Credit, Event, Input, Resize, Signal
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime.bulk import BulkError
from simulacra.actors.runtime.bulk_line import Line, LineError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

logger = logging.getLogger(__name__)

_STREAMS: Final = {1: "stdout", 2: "stderr"}


class Running:
    """The verb ``run``.

    Args:
        node: this host's.
        learning: what was learned of commands.
    """

    def __init__(self, node: Node, learning: Learning) -> None:
        self._node, self._learning = node, learning

    def run(self, call: Call) -> Iterator[object]:
        """Run a command on another host, its streams here."""
        host = call.arg("host", str)
        check_host(self._node, host)
        rows, columns = call.arg("rows", int, 0), call.arg("columns", int, 0)
        began = time.monotonic()
        ticket = ask_host(
            self._node,
            host,
            StartRun(
                _all_bytes(call.arg("argv", list)),
                call.arg("path", bytes),
                self._environ(call.arg("environ", dict)),
                (rows, columns) if rows and columns else None,
                call.arg("errors_apart", bool, False),
            ),
        )
        try:
            with self._node.bulk_client.talk(ticket) as line:
                line.patience(receiving=LOST_AFTER, sending=LOST_AFTER)
                for item in self._carry(call, line):
                    if item.get("status") == 0:
                        seconds = time.monotonic() - began
                        self._learning.ran(call.arg("habit", str, ""), host, seconds)
                    yield item
        except (BulkError, RunFrameError) as error:
            call.check()  # the line may be gone because the client is
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"the connection to {host} broke, and the command has been ended there: {error}",
                "see whether it is connected: simulacra status; then run it again",
            ) from error

    def _environ(self, environ: dict[Any, Any]) -> list[tuple[bytes, bytes]]:
        """What of the client's environment goes along."""
        allowed = self._node.settings.run_environ
        return [
            (name, value)
            for name, value in environ.items()
            if isinstance(name, bytes)
            and isinstance(value, bytes)
            and any(fnmatchcase(os.fsdecode(name), pattern) for pattern in allowed)
        ]

    def _carry(self, call: Call, line: Line) -> Iterator[dict[str, object]]:
        sending = threading.Thread(target=_send, args=(call, line), name="run-send", daemon=True)
        sending.start()
        while True:
            frame = unpack(line.receive())
            match frame:
                case Piece(stream, data) if stream in _STREAMS:
                    yield {"output": data, "stream": _STREAMS[stream]}
                case Grant(size):
                    yield {"credit": size}
                case Ended(status):
                    yield {"status": status}
                    return
                case Beat():
                    call.check()
                case _:
                    raise RunFrameError(f"{frame} is nothing for this end")


def _send(call: Call, line: Line) -> None:
    """In a thread of its own: pass on what the client sends, until it goes away."""
    try:
        beat = time.monotonic() + BEAT_EVERY
        while True:
            event = call.receive(max(0.0, beat - time.monotonic()))
            frame = _frame(event)
            if frame is not None:
                line.send(pack(frame))
            if time.monotonic() >= beat:
                line.send(pack(Beat()))
                beat = time.monotonic() + BEAT_EVERY
    except (Cancelled, LineError):
        line.abort()


def _frame(event: Event | None) -> Frame | None:
    match event:
        case Input(data):
            return Piece(0, data or b"")
        case Resize(rows, columns):
            return Shape(min(rows, 0xFFFF), min(columns, 0xFFFF))
        case Credit(size):
            return Grant(size)
        case Signal(name) if name in signal.Signals.__members__:
            return Sent(signal.Signals[name])
        case Signal(name):
            logger.warning("a client sends the signal %r, which there is not", name)
    return None


def _all_bytes(words: list[Any]) -> list[bytes]:
    if not words or not all(isinstance(word, bytes) for word in words):
        raise GatewayError(ErrorCode.USAGE, "the argument 'argv' is no list of bytes")
    return words
