from __future__ import annotations

import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

from simulacra.actors.gateway.call import Call, Event, Input, Resize
from simulacra.cli.exits import ExitCode

from .conftest import DEADLINE, Serve, Terminal
from .samples import NORMAL, STATUS


class Shell:
    """A program at the other end that repeats what is typed in capitals, until `q`."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def attach(self, call: Call) -> Iterator[object]:
        self.events.append(Resize(call.arg("rows", int, 0), call.arg("columns", int, 0)))
        yield {"output": b"READY", "stream": "stdout"}
        while (event := call.receive(DEADLINE)) is not None:
            self.events.append(event)
            if event in (Input(b"q"), Input(None)):
                yield {"reason": {**NORMAL, "kind": "exit", "text": "exit 3", "exit": 3}}
                return
            if isinstance(event, Input) and event.data is not None:
                yield {"output": event.data.upper(), "stream": "stdout"}


def test_keys_and_output_travel_until_it_ends(environ: dict[str, str], serve: Serve) -> None:
    shell = Shell()
    serve({"attach": shell.attach})
    terminal = Terminal(environ, "attach", "build")
    terminal.until(b"READY")
    terminal.type(b"abc")
    terminal.until(b"ABC")
    # In raw mode Ctrl-C belongs to the program.
    terminal.type(b"\x03")
    terminal.until(b"\x03")
    terminal.type(b"q")
    terminal.until(b"exit 3")
    assert terminal.end() == 0
    assert shell.events[0] == Resize(24, 80)
    assert Input(b"\x03") in shell.events


def test_a_key_leaves_it_running(environ: dict[str, str], serve: Serve) -> None:
    shell = Shell()
    serve({"attach": shell.attach})
    terminal = Terminal(environ, "attach", "build")
    terminal.until(b"READY")
    terminal.type(b"\x1d")
    terminal.until(b"build goes on")
    assert terminal.end() == 0
    assert Input(b"q") not in shell.events


def test_a_new_size_reaches_the_program(environ: dict[str, str], serve: Serve) -> None:
    shell = Shell()
    serve({"attach": shell.attach})
    terminal = Terminal(environ, "attach", "build")
    terminal.until(b"READY")
    termios.tcsetwinsize(terminal.screen, (50, 132))
    terminal.process.send_signal(signal.SIGWINCH)
    deadline = time.monotonic() + DEADLINE
    while Resize(50, 132) not in shell.events and time.monotonic() < deadline:
        terminal.type(b"x")
        terminal.until(b"X")
        terminal.shown = b""
    assert Resize(50, 132) in shell.events
    terminal.type(b"q")
    assert terminal.end() == 0


def test_what_is_shown_may_go_elsewhere(
    environ: dict[str, str], serve: Serve, tmp_path: Path
) -> None:
    shell = Shell()
    serve({"attach": shell.attach})
    with (tmp_path / "shown").open("wb") as shown:
        terminal = Terminal(environ, "attach", "build", stdout=shown)
        terminal.until(b"attached to build")
        terminal.type(b"q")
        terminal.until(b"exit 3")
        assert terminal.end() == 0
    assert shell.events[0] == Resize(24, 80)
    assert (tmp_path / "shown").read_bytes() == b"READY"


def test_without_a_terminal_it_is_a_pipe(environ: dict[str, str], serve: Serve) -> None:
    serve({"attach": Shell().attach})
    done = subprocess.run(
        [sys.executable, "-m", "simulacra", "attach", "build"],
        env=environ,
        input=b"abc",
        capture_output=True,
        timeout=DEADLINE,
        check=True,
    )
    assert done.stdout == b"READYABC"
    assert b"build has ended: exit 3" in done.stderr


def test_an_interrupt_without_a_terminal_leaves_it_running(
    environ: dict[str, str], serve: Serve
) -> None:
    shell = Shell()
    serve({"attach": shell.attach})
    with subprocess.Popen(
        [sys.executable, "-m", "simulacra", "attach", "build"],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(5) == b"READY"
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == ExitCode.INTERRUPTED
        assert process.stderr.read() == (
            b"simulacra: build goes on without you; end it with: simulacra stop build\n"
            b"simulacra: interrupted\n"
        )
    assert Input(b"q") not in shell.events


def test_spawn_with_a_terminal_returns_the_commands_code(
    environ: dict[str, str], serve: Serve
) -> None:
    started = {"name": "sh", "host": "desk", "state": "running"}
    serve({"status": lambda _: [STATUS], "spawn": lambda _: [started], "attach": Shell().attach})
    terminal = Terminal(environ, "spawn", "--tty", "--", "sh")
    terminal.until(b"READY")
    terminal.type(b"q")
    assert terminal.end() == 3
