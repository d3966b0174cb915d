from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pytest

from simulacra.actors.gateway.call import Handler
from simulacra.actors.gateway.server import Gateway
from simulacra.cli.main import main
from tests.warm import warm

DEADLINE = 60.0
NAME = "desk"


@dataclass(frozen=True)
class Ended:
    """How a run of the command line ended."""

    code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        return json.loads(self.stdout)


class Terminal:
    """The command line in a terminal of its own."""

    def __init__(
        self, environ: dict[str, str], *words: str, stdout: BinaryIO | None = None
    ) -> None:
        self.keys, screen = pty.openpty()
        termios.tcsetwinsize(screen, (24, 80))
        self.before = termios.tcgetattr(screen)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulacra", *words],
            env=environ,
            stdin=screen,
            stdout=screen if stdout is None else stdout,
            stderr=screen,
            start_new_session=True,
        )
        self.screen = screen
        self.shown = b""

    def type(self, keys: bytes) -> None:
        os.write(self.keys, keys)

    def until(self, text: bytes) -> None:
        deadline = time.monotonic() + DEADLINE
        while text not in self.shown:
            if not select.select([self.keys], [], [], deadline - time.monotonic())[0]:
                pytest.fail(f"{text!r} was not shown, but {self.shown!r}")
            self.shown += os.read(self.keys, 4096)

    def end(self) -> int:
        code = self.process.wait(DEADLINE)
        assert termios.tcgetattr(self.screen) == self.before
        os.close(self.keys)
        os.close(self.screen)
        return code


class Run(Protocol):
    def __call__(self, *words: str, **environ: str) -> Ended: ...


Serve = Callable[[Mapping[str, Handler]], None]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    """An environment in which nothing of this machine's user can be reached."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SIMULACRA_")}
    return {**kept, "SIMULACRA_HOME": str(home), "SIMULACRA_NAME": NAME, "COLUMNS": "100"}


@pytest.fixture
def run(environ: dict[str, str], tmp_path: Path) -> Run:
    def run(*words: str, **extra: str) -> Ended:
        done = warm().run(words, env={**environ, **extra}, cwd=tmp_path, timeout=DEADLINE)
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """The command line without a process of its own, which is ten times as fast."""

    def here(*words: str, **environ: str) -> Ended:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            settings = {"SIMULACRA_HOME": str(tmp_path / "home"), "SIMULACRA_NAME": NAME}
            for name, value in {**settings, **environ}.items():
                patch.setenv(name, value)
            code = main(words)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return here


@pytest.fixture
def serve(home: Path) -> Iterator[Serve]:
    gateways: list[Gateway] = []

    def start(handlers: Mapping[str, Handler]) -> None:
        gateway = Gateway(home / "run" / NAME, handlers, node=NAME, version="0")
        gateways.append(gateway)
        gateway.start()

    yield start
    for gateway in gateways:
        assert gateway.close()
