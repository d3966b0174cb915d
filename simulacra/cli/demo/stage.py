"""The stage of the demo: hosts in folders of their own, and commands that are typed and run there.

What is shown is what is run: each line goes to a shell in the host's folder as it stands there.
Whatever way the play ends, no process and no file of it is left: orphans are adopted, so that all
that descends from here can be found and ended.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import psutil

from simulacra.actors.compute.guard import adopt_orphans
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Paths
from simulacra.cli import output
from simulacra.client import Client

_TIMEOUT: Final = 60.0
_PAUSE: Final = 0.02
_ENDINGS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Host:
    """A machine of the play.

    Attributes:
        name: As it is called.
        folder: Its disk.
        node: A client of its node.
    """

    name: str
    folder: Path
    node: Client


class Stage:
    """Hosts under one folder. Made by `open_stage`."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self._folder = folder
        self._hosts = {name: self._host(name) for name in names}
        self._began = time.monotonic()
        program = folder / "bin" / "simulacra"
        program.parent.mkdir()
        # -P: what lies in the folder where it is typed must not be imported.
        python = shlex.quote(sys.executable)
        program.write_text(f'#!/bin/sh\nexec {python} -P -m simulacra "$@"\n')
        program.chmod(0o755)

    def _host(self, name: str) -> Host:
        folder = self._folder / name
        folder.mkdir()
        paths = Paths.find({"SIMULACRA_HOME": str(folder / "home")})
        return Host(name, folder, Client(paths.socket(name)))

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    def say(self, text: str) -> None:
        """Tell what comes, and how late it is."""
        output.data(_bold(f"\n{time.monotonic() - self._began:4.1f} s  {text}"))

    def type(self, name: str, line: str, beside: Callable[[], None] | None = None) -> str:
        """Type one line on a host, show what it prints, and return that.

        Args:
            name: The host.
            line: For its shell.
            beside: Done while the line runs.

        Raises:
            GatewayError: It failed, or took too long.
        """
        _show(name, line)
        process = self._start(name, line)
        if beside is not None:
            beside()
        return _finish(name, line, process)

    def type_on_all(self, line: str) -> None:
        """Type one line on all hosts at once; ``{host}`` in it is the host's name."""
        lines = {name: line.format(host=name) for name in self._hosts}
        processes = {name: self._start(name, each) for name, each in lines.items()}
        for name, process in processes.items():
            _show(name, lines[name])
            _finish(name, lines[name], process)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something holds.

        Raises:
            GatewayError: It never did.
        """
        deadline = time.monotonic() + _TIMEOUT
        while not condition():
            if time.monotonic() > deadline:
                raise _failure(f"{what} did not come about within {_TIMEOUT:.0f} s")
            time.sleep(_PAUSE)

    def _start(self, name: str, line: str) -> subprocess.Popen[str]:
        folder = self._hosts[name].folder
        environ = {key: value for key, value in os.environ.items() if "SIMULACRA" not in key}
        return subprocess.Popen(  # noqa: S602 (our own lines)
            line,
            shell=True,
            cwd=folder,
            env={
                **environ,
                "SIMULACRA_HOME": str(folder / "home"),
                "PATH": f"{self._folder / 'bin'}:{environ.get('PATH', os.defpath)}",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is for the demo, which ends what it started
        )


@contextmanager
def open_stage(*names: str) -> Iterator[Stage]:
    """Set up hosts with these names, and clear everything away at the end, also on Ctrl-C."""
    adopt_orphans()
    before = {number: signal.signal(number, _interrupt) for number in _ENDINGS}
    folder = Path(tempfile.mkdtemp(prefix="simulacra-"))
    try:
        yield Stage(folder, names)
    finally:
        for number in _ENDINGS:
            signal.signal(number, signal.SIG_IGN)
        _end_descendants()
        shutil.rmtree(folder)
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _end_descendants() -> None:
    """Kill until nobody is left: who was about to start another one has done so by then."""
    while left := psutil.Process().children(recursive=True):
        for process in left:
            with suppress(psutil.NoSuchProcess):  # its own parent was quicker
                process.kill()
        psutil.wait_procs(left, _TIMEOUT)


def _finish(name: str, line: str, process: subprocess.Popen[str]) -> str:
    try:
        printed, _ = process.communicate(timeout=_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise _failure(f"`{line}` on {name} has not ended after {_TIMEOUT:.0f} s") from error
    output.raw(printed.encode())
    if process.returncode:
        raise _failure(f"`{line}` on {name} ended with {process.returncode}")
    return printed


def _show(name: str, line: str) -> None:
    output.data(_bold(f"{name}$ {line}"))


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if output.is_colourful() else text


def _failure(text: str) -> GatewayError:
    return GatewayError(ErrorCode.FAILED, text, "check this machine: simulacra doctor")
