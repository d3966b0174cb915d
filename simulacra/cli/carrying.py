"""The streams of a command that runs elsewhere, here: terminal, pipes, signals, exit code.

Three threads: the main one takes what comes, one writes it, one reads the input. What was written
is told, and only so much more comes (see docs/guide/gateway.md): a pipe that nobody reads from
holds the command up where it is, and nothing in between.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.client import Client, Stream

_WINDOW: Final = 1 << 20
_CHUNK: Final = 1 << 17
_FDS: Final = {"stdout": 1, "stderr": 2}
_PASSED_ON: Final = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
)


def carried(calls: Client, **args: Any) -> int:
    """Run a command by the verb ``run``; return its exit code, 128+n where a signal ended it.

    Args:
        calls: the node.
        args: the verb's arguments, but what is known of the terminal.

    Raises:
        GatewayError: it could not be started, or its end is not known.
    """
    terminal = os.isatty(0) and os.isatty(1)
    if terminal:
        size = os.get_terminal_size()
        args |= {"rows": size.lines or 24, "columns": size.columns or 80}
        args["errors_apart"] = not os.isatty(2)
    with calls.open("run", timeout=None, **args) as stream:
        carrier = _Carrier(stream)
        with _signals(stream), _raw(stream) if terminal else contextlib.nullcontext():
            return carrier.carry()


class _Carrier:
    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        # Bounded by the window: more is not under way.
        self._output: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        self._room = _WINDOW
        self._granted = threading.Condition()
        self._broken = threading.Event()

    def carry(self) -> int:
        writing = threading.Thread(target=self._write, name="output", daemon=True)
        writing.start()
        threading.Thread(target=self._read, name="input", daemon=True).start()
        try:
            status = self._take()
        except GatewayError:
            if not self._broken.is_set():
                raise
            return 128 + signal.SIGPIPE
        finally:
            self._output.put(None)
            writing.join()
        if self._broken.is_set():
            return 128 + signal.SIGPIPE
        return _code(status)

    def _take(self) -> int | None:
        status: int | None = None
        for item in self._stream:
            if "output" in item:
                self._output.put((_FDS[item["stream"]], item["output"]))
            elif "credit" in item:
                with self._granted:
                    self._room += item["credit"]
                    self._granted.notify()
            else:
                status = item["status"]
        return status

    def _write(self) -> None:
        """Write what came, and tell so; when nobody reads it any more, hang up."""
        owed = 0
        try:
            while (piece := self._output.get()) is not None:
                fd, data = piece
                view = memoryview(data)
                while view:
                    view = view[_written(fd, view) :]
                owed += len(data)
                if owed >= _WINDOW // 4 or self._output.empty():
                    with contextlib.suppress(GatewayError):  # it has ended; what came is written
                        self._stream.send_credit(owed)
                    owed = 0
        except OSError:
            self._broken.set()
            self._stream.hang_up()

    def _read(self) -> None:
        """Pass on the input until it ends."""
        with contextlib.suppress(GatewayError):  # it has ended
            while True:
                with self._granted:
                    self._granted.wait_for(lambda: self._room > 0)
                    room = self._room
                data = _read_input(min(_CHUNK, room))
                with self._granted:
                    self._room -= len(data)
                self._stream.send_input(data or None)
                if not data:
                    return


def _read_input(size: int) -> bytes:
    try:
        return os.read(0, size)
    except OSError:  # it is closed, or a terminal that has gone: both are its end
        return b""


def _written(fd: int, data: memoryview) -> int:
    try:
        return os.write(fd, data)
    except BlockingIOError:  # somebody else made it so
        os.set_blocking(fd, True)
        return 0


def _code(status: int | None) -> int:
    if status is None:
        raise GatewayError(
            ErrorCode.FAILED,
            "the command has ended, and how is not known: what watched over it was killed",
            "look what there is short of there: simulacra status",
        )
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


@contextmanager
def _signals(stream: Stream) -> Iterator[None]:
    """Pass signals on; the command decides what comes of them."""

    def pass_on(number: int, _: object) -> None:
        with contextlib.suppress(GatewayError):  # it has ended
            stream.send_signal(signal.Signals(number).name)

    ignored = [number for number in _PASSED_ON if signal.getsignal(number) is signal.SIG_IGN]
    before = {n: signal.signal(n, pass_on) for n in _PASSED_ON if n not in ignored}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _raw(stream: Stream) -> Iterator[None]:
    """Hand every key and every change of size on, and put the terminal back afterwards."""
    before = termios.tcgetattr(0)

    def resize(*_: object) -> None:
        size = os.get_terminal_size()
        with contextlib.suppress(GatewayError):
            stream.send_resize(size.lines, size.columns)

    previous = signal.signal(signal.SIGWINCH, resize)
    try:
        tty.setraw(0, termios.TCSADRAIN)  # its default would lose what was typed ahead
        yield
    finally:
        signal.signal(signal.SIGWINCH, previous)
        termios.tcsetattr(0, termios.TCSADRAIN, before)
