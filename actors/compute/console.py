"""What a program prints to and may be typed into: a pipe, or a terminal of its own.

A console has two sides: the program's, whose descriptors it is started with, and the node's. What
is printed comes out of it as one; where input, output and errors go each their own way, there are
streams instead.
"""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

READ_SIZE: Final = 64 * 1024
_PIPE: Final = 1 << 20
_STDOUT: Final = 1
_STDERR: Final = 2
NO_TERMINAL: Final = "it has ended, or no terminal to type into: spawn it with --tty"


class NoTerminalError(ValueError):
    """The process has no terminal to type into, or has ended."""


class Stdio(NamedTuple):
    """Descriptors for a program's standard streams; `subprocess.DEVNULL` for none."""

    input: int
    output: int
    errors: int


class Console:
    """See the module; may be typed into from any thread.

    Args:
        terminal: whether it is a terminal, and no pipe for what is printed.

    Raises:
        OSError: this process has no descriptor left, or the system no terminal.
    """

    def __init__(self, *, terminal: bool) -> None:
        # Held to use a descriptor from another thread: a closed one's number is soon another's.
        self._closing = threading.Lock()
        self._is_terminal = terminal
        self._output, self._program_side = pty.openpty() if terminal else os.pipe()

    def program_side(self) -> Stdio:
        """What to start the program with."""
        far = self._program_side
        return Stdio(far if self._is_terminal else subprocess.DEVNULL, far, far)

    def close_program_side(self) -> None:
        """The program has been started: it has this side, and its end is seen on the other."""
        os.close(self._program_side)

    def fileno(self) -> int:
        """The node's side, to be waited for."""
        return self._output

    def type(self, data: bytes) -> int:
        """Type, without waiting; how many bytes it took.

        Raises:
            NoTerminalError: it is no terminal, or closed.
        """
        with self._closing:
            self._check_terminal()
            os.set_blocking(self._output, False)
            try:
                return os.write(self._output, data)
            except BlockingIOError:
                return 0

    def resize(self, rows: int, columns: int) -> None:
        """Tell the program the size of the terminal it is shown on.

        Raises:
            NoTerminalError: it is no terminal, or closed.
        """
        with self._closing:
            self._check_terminal()
            set_size(self._output, rows, columns)

    def _check_terminal(self) -> None:
        if not self._is_terminal:
            raise NoTerminalError(NO_TERMINAL)

    def read(self, take: Callable[[bytes], None]) -> bool:
        """Read what was printed, once there is something; whether there may be more."""
        try:
            data = os.read(self._output, READ_SIZE)
        except BlockingIOError:  # what was there has been flushed: typing made it non-blocking
            return True
        except OSError:  # EIO: the last program with this terminal has ended
            return False
        if data:
            take(data)
        return bool(data)

    def close(self) -> None:
        """Close the node's side."""
        with self._closing:
            self._is_terminal = False
            os.close(self._output)


def open_streams(
    size: tuple[int, int] | None, *, errors_apart: bool
) -> tuple[int, dict[int, int], Stdio]:
    """Standard streams of which each is served by itself; writing to the input never waits.

    Args:
        size: the rows and columns of its terminal; None where it has pipes.
        errors_apart: whether its standard error is a pipe also where there is a terminal.

    Returns:
        Our end of its input, ours of its outputs with their streams' numbers, and its three ends.
    """
    errors, theirs_errors = os.pipe() if errors_apart or size is None else (None, None)
    if size is not None:
        ours, theirs = pty.openpty()
        set_size(ours, *size)
        outputs, ends = {ours: _STDOUT}, Stdio(theirs, theirs, theirs)
    else:
        theirs_input, ours = os.pipe()
        output, theirs_output = os.pipe()
        outputs, ends = {output: _STDOUT}, Stdio(theirs_input, theirs_output, theirs_output)
        with suppress(OSError):  # over the user's limit for pipes: a small one will do
            fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, _PIPE)
    if errors is not None and theirs_errors is not None:
        outputs[errors] = _STDERR
        ends = ends._replace(errors=theirs_errors)
    os.set_blocking(ours, False)
    return ours, outputs, ends


def set_size(terminal: int, rows: int, columns: int) -> None:
    """Tell a terminal how large it is shown."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
