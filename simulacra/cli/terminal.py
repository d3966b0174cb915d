"""``attach``: the terminal of a running computation, here.

The terminal is put into raw mode, so that Ctrl-C reaches the computation; Ctrl-] leaves it. One
thread carries what is typed, the main thread what is shown.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from simulacra.actors.gateway.frames import GatewayError
from simulacra.cli import output
from simulacra.cli.options import NODE, Node, client
from simulacra.cli.waiting import goes_on
from simulacra.client import Client, Stream

_LEAVE: Final = b"\x1d"
_CHUNK: Final = 1 << 14


def attach(name: str, /, *, node: Node = NODE) -> None:
    """Show a running computation here and type into it; Ctrl-] leaves it running.

    For example:

    - `simulacra attach build`

    Args:
        name: The computation.
        node: Which node to use.
    """
    reason = attached(client(node), name)
    output.message(f"{name} goes on" if reason is None else f"{name} has ended: {reason['text']}")


def attached(calls: Client, name: str) -> dict[str, Any] | None:
    """Carry the terminal of ``name`` until it ends; return the reason, None where the user left.

    Raises:
        GatewayError: The node refused, or went away.
    """
    interactive = sys.stdin.isatty()
    columns, rows = _size() if interactive else (None, None)
    left = threading.Event()
    with (
        _leaving(name),
        calls.open("attach", timeout=None, name=name, rows=rows, columns=columns) as stream,
    ):
        if interactive:
            output.message(f"attached to {name}; leave it with Ctrl-]")
        with _raw(stream) if interactive else contextlib.nullcontext():
            typing = threading.Thread(
                target=_type, args=(stream, left, interactive), name="typing", daemon=True
            )
            typing.start()
            return _show(stream, left)


@contextmanager
def _leaving(name: str) -> Iterator[None]:
    """Ctrl-C, where no terminal hands it on, ends this alone."""
    try:
        yield
    except KeyboardInterrupt:
        goes_on(name)
        raise


def _size() -> tuple[int, int]:
    """Columns and rows of the terminal that is typed at; what is shown may go into a pipe."""
    size = os.get_terminal_size(sys.stdin.fileno())
    return size.columns, size.lines


def _show(stream: Stream, left: threading.Event) -> dict[str, Any] | None:
    try:
        for item in stream:
            if "output" in item:
                output.raw(item["output"])
            else:
                reason: dict[str, Any] = item["reason"]
                return reason
    except GatewayError:
        if not left.is_set():
            raise
    return None


def _type(stream: Stream, left: threading.Event, interactive: bool) -> None:
    """Send what is typed until it ends, or the user leaves."""
    with contextlib.suppress(GatewayError):
        while data := os.read(sys.stdin.fileno(), _CHUNK):
            if interactive and _LEAVE in data:
                stream.send_input(data.partition(_LEAVE)[0])
                left.set()
                stream.hang_up()
                return
            stream.send_input(data)
        stream.send_input(None)


@contextmanager
def _raw(stream: Stream) -> Iterator[None]:
    """Hand every key and every change of size on, and put the terminal back afterwards."""
    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)

    def resize(*_: object) -> None:
        columns, rows = _size()
        stream.send_resize(rows, columns)

    previous = signal.signal(signal.SIGWINCH, resize)
    try:
        tty.setraw(handle, termios.TCSADRAIN)  # its default would lose what was typed ahead
        yield
    finally:
        signal.signal(signal.SIGWINCH, previous)
        termios.tcsetattr(handle, termios.TCSADRAIN, before)
