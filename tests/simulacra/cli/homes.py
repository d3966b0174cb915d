"""Real nodes as a user has them, each with a home of its own, used by the command line only."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from simulacra.client import Client
from tests.processes import until_none
from tests.support import eventually
from tests.warm import warm

from .conftest import DEADLINE, Ended, Terminal

MODULE = """
class Adder:
    def __init__(self, start=0):
        self.total = start

    def on_receive(self, message):
        self.total += message.body
        return self.total


def greet(ctx, name):
    print("on", ctx.host)
    return f"hello {name}"
"""


class Home:
    """One node's home, and the command line in it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir()
        modules = folder / "modules"
        modules.mkdir(exist_ok=True)
        (modules / "pieces.py").write_text(MODULE)
        kept = {key: value for key, value in os.environ.items() if "SIMULACRA" not in key}
        path = f"{modules}:{kept.get('PYTHONPATH', '')}".rstrip(":")
        self.environ = {
            **kept,
            "SIMULACRA_HOME": str(self.folder),
            "SIMULACRA_NAME": name,
            "PYTHONPATH": path,
            "COLUMNS": "100",
        }
        self.client = Client(self.folder / "run" / name)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "simulacra", *words],
            env=self.environ,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> Ended:
        done = warm().run(words, env=self.environ, cwd=self.folder, timeout=DEADLINE)
        return Ended(done.returncode, done.stdout, done.stderr)

    def do(self, *words: str) -> Ended:
        """Run a command that has to succeed."""
        ended = self.run(*words)
        assert ended.code == 0, ended
        return ended

    def terminal(self, *words: str) -> Terminal:
        return Terminal(self.environ, *words)

    def script(self, name: str, source: str) -> str:
        file = self.folder / f"{name}.py"
        file.write_text(source)
        return str(file)

    def row(self, name: str) -> dict[str, Any]:
        [picture] = self.client.items("ps", name=name)
        return next(row for row in picture["rows"] if row["name"] == name)

    def logged(self, name: str) -> str:
        return b"".join(piece["data"] for piece in self.client.items("logs", name=name)).decode()

    def until_logged(self, name: str, text: str) -> None:
        self.until(lambda: text in self.logged(name))

    def until(self, condition: Callable[[], object]) -> None:
        eventually(condition, DEADLINE)


@contextmanager
def two_homes(folder: Path) -> Iterator[tuple[Home, Home]]:
    """Two nodes that know each other from the lines that `keys` shows, pasted."""
    desk, nas = homes = Home("desk", folder), Home("nas", folder)
    try:
        for home in homes:
            home.do("up", "--detach")
        for here, there in ((desk, nas), (nas, desk)):
            here.do("keys", "add", *shlex.split(there.do("keys").stdout))
        until_linked(*homes)
        yield homes
    finally:
        ended = [home.run("down") for home in homes]
    assert [each.code for each in ended] == [0, 0]
    until_none(lambda: processes_below(folder))


@contextmanager
def one_network(folder: Path, *names: str) -> Iterator[list[Home]]:
    """Nodes of one network, which the first founded and the others were invited to."""
    homes = [Home(name, folder) for name in names]
    first, *others = homes
    try:
        first.do("up", "--detach")
        first.do("init", "home")
        for home in others:
            home.do("up", "--detach", "--join", first.do("invite", "--json").json()["join"])
        yield homes
    finally:
        for home in homes:
            home.run("down")
    until_none(lambda: processes_below(folder))


def processes_below(folder: Path) -> list[str]:
    """The command lines of all processes that have a home in a folder, or are in one."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            home = process.environ().get("SIMULACRA_HOME", "")
            if any(place.startswith(str(folder)) for place in (home, process.cwd())):
                found.append(" ".join(process.cmdline()))
    return found


def is_linked(home: Home) -> bool:
    peers: list[dict[str, Any]] = home.client.item("status")["peers"]
    return [peer["state"] for peer in peers] == ["up"] and peers[0]["seen"] is not None


def until_linked(*homes: Home) -> None:
    """Wait until two nodes have each other: a machine that stood still has them lose it."""
    for home in homes:
        home.until(lambda home=home: is_linked(home))  # type: ignore[misc]


def peers(home: Home) -> dict[str, str]:
    """How each host stands that a node knows."""
    return {each["host"]: each["state"] for each in home.client.item("status")["peers"]}
