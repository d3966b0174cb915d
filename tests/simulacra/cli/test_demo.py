"""The demo as a user runs it: what it shows holds, and nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli.demo.books import count_directly, write_books
from simulacra.cli.demo.stage import Stage
from simulacra.cli.demo.story import _move
from simulacra.cli.exits import ExitCode

from .homes import processes_below

TIMEOUT = 60.0

pytestmark = pytest.mark.slow


class Play:
    """A run of the demo with a place for temporary files of its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulacra", "demo"],
            env={**os.environ, "TMPDIR": str(folder), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until(self, text: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text in line:
                return
        pytest.fail(f"{text!r} was never shown")

    def end(self) -> str:
        try:
            shown, _ = self.process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGINT)  # it clears away what it has made
            shown, _ = self.process.communicate()
            pytest.fail(f"not over after {TIMEOUT:g} s: {shown}")
        return shown

    def left(self) -> list[str]:
        """Processes and files of it that there still are."""
        return processes_below(self.folder) + [file.name for file in self.folder.iterdir()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "t"
    place.mkdir()
    return place


def test_it_moves_is_killed_and_is_right(folder: Path) -> None:
    play = Play(folder)
    shown = play.end()
    assert play.process.returncode == ExitCode.OK, shown
    assert shown.count("✓") == 6
    assert "laptop$ simulacra migrate words nas" in shown or "moved there by itself" in shown
    assert "nas$ kill -9 " in shown
    assert play.left() == []


class Told:
    """A stage on which nothing happens, or the command fails."""

    def __init__(self, *, fails: bool) -> None:
        self.told: list[str] = []
        self._fails = fails

    def say(self, text: str) -> None:
        self.told.append(text)

    def type(self, _: str, line: str) -> str:
        self.told.append(line)
        if self._fails:
            raise GatewayError(ErrorCode.FAILED, "words stays on nas: it is there already")
        return ""


@pytest.mark.parametrize(
    ("hosts", "fails", "told"),
    [
        (["laptop"], False, ["So it moves", "simulacra migrate words nas"]),
        (["nas"], False, ["So it has moved there by itself"]),
        (["laptop", "nas"], True, ["So it moves", "simulacra migrate words nas"]),
    ],
)
def test_it_may_move_before_it_is_told_to(hosts: list[str], fails: bool, told: list[str]) -> None:
    stage = Told(fails=fails)
    _move(cast("Stage", stage), lambda: hosts.pop(0))
    assert [is_.startswith(said) for is_, said in zip(stage.told, told, strict=True)] == [
        True for _ in told
    ]
    assert hosts == []


def test_a_move_that_fails_ends_the_demo() -> None:
    with pytest.raises(GatewayError):
        _move(cast("Stage", Told(fails=True)), lambda: "laptop")


@pytest.mark.parametrize(
    ("number", "when"),
    [
        (signal.SIGINT, "laptop$ simulacra up"),
        (signal.SIGTERM, "words is running on laptop"),
    ],
)
def test_whoever_interrupts_it_finds_nothing_left(folder: Path, number: int, when: str) -> None:
    play = Play(folder)
    play.until(when)
    play.process.send_signal(number)
    play.end()
    assert play.process.returncode == ExitCode.INTERRUPTED
    assert play.left() == []


def test_where_a_command_fails_it_says_which_and_leaves_nothing(folder: Path) -> None:
    play = Play(folder, PATH="/nowhere")
    shown = play.end()
    assert play.process.returncode == ExitCode.FAILED
    assert "`cat ../network.keys` on laptop ended with 127" in shown
    assert play.left() == []


def test_books_are_the_same_every_time(tmp_path: Path) -> None:
    size = write_books(tmp_path / "a", 3)
    assert size == write_books(tmp_path / "b", 3)
    counted = count_directly(tmp_path / "a")
    assert counted == count_directly(tmp_path / "b")
    assert counted["books"] == 3
