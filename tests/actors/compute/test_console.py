"""A console: what is printed comes, a terminal can be typed into, and a closed one cannot."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import termios
from collections.abc import Iterator

import pytest

from simulacra.actors.compute.console import Console, NoTerminalError, open_streams


@pytest.fixture
def terminal() -> Iterator[Console]:
    console = Console(terminal=True)
    yield console
    console.close()


def printed(console: Console) -> bytes:
    taken: list[bytes] = []
    while console.read(taken.append):
        pass
    return b"".join(taken)


def test_what_is_printed_to_a_pipe_comes_until_its_end() -> None:
    console = Console(terminal=False)
    streams = console.program_side()
    assert streams.input == subprocess.DEVNULL
    assert streams.output == streams.errors
    os.write(streams.output, b"printed")
    console.close_program_side()
    assert printed(console) == b"printed"
    with pytest.raises(NoTerminalError, match="--tty"):
        console.type(b"x")
    console.close()


def test_what_is_typed_is_read_and_shown(terminal: Console) -> None:
    streams = terminal.program_side()
    assert terminal.type(b"typed\n") == 6
    assert os.read(streams.input, 100) == b"typed\n"
    terminal.close_program_side()
    assert printed(terminal) == b"typed\r\n"


def test_nobody_waits_for_a_terminal_that_takes_no_more(terminal: Console) -> None:
    while terminal.type(b"x" * 1000):
        pass
    assert terminal.read(lambda _: None)
    terminal.close_program_side()


def test_the_program_sees_the_size(terminal: Console) -> None:
    terminal.resize(30, 100)
    size = fcntl.ioctl(terminal.program_side().output, termios.TIOCGWINSZ, bytes(8))
    assert struct.unpack("HHHH", size)[:2] == (30, 100)
    terminal.close_program_side()


def test_a_closed_one_is_no_terminal_any_more() -> None:
    console = Console(terminal=True)
    console.close_program_side()
    console.close()
    for use in (lambda: console.type(b"x"), lambda: console.resize(1, 1)):
        with pytest.raises(NoTerminalError, match="ended"):
            use()


@pytest.mark.parametrize("size", [None, (30, 100)])
@pytest.mark.parametrize("errors_apart", [False, True])
def test_streams_are_apart_but_for_what_a_terminal_shows(
    size: tuple[int, int] | None, errors_apart: bool
) -> None:
    ours, outputs, theirs = open_streams(size, errors_apart=errors_apart)
    try:
        assert sorted(outputs.values()) == ([1, 2] if errors_apart or size is None else [1])
        assert os.isatty(theirs.output) == os.isatty(theirs.input) == (size is not None)
        ends = {1: theirs.output, 2: theirs.errors}
        for fd, number in outputs.items():
            os.write(ends[number], b"by %d" % number)
            assert os.read(fd, 100) == b"by %d" % number
        os.write(ours, b"typed\n")
        assert os.read(theirs.input, 100) == b"typed\n"
        assert not os.get_blocking(ours)
        if size is not None:
            assert os.get_terminal_size(theirs.output) == (100, 30)
    finally:
        for fd in {ours, *outputs, *theirs}:
            os.close(fd)
