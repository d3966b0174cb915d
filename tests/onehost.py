"""One host for tests: a real node in this process, its gateway, and real workers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil

from simulacra.actors.compute.computations import COMPUTATIONS
from simulacra.actors.compute.spec import Command, Script, Spec
from simulacra.actors.node import Node
from simulacra.actors.runtime import Ref
from simulacra.actors.settings import Paths, Settings
from simulacra.client import Client
from simulacra.network import Computation, Network
from tests.processes import processes_since, until_none
from tests.support import nothing_left_behind

PATIENCE = 60.0
T = TypeVar("T")


class Host:
    """A node in this process, and calls to it.

    Attributes:
        node: the node.
        network: what a program of the user's gets from `simulacra.connect`.
        client: the gateway's client.
    """

    def __init__(self, home: Path, name: str = "desk", **settings: Any) -> None:
        self.home = home
        paths = Paths.find({"SIMULACRA_HOME": str(home)})
        self.settings = Settings(name=name, paths=paths, **settings)
        self.client = Client(self.settings.paths.socket(name))
        self.network = Network(self.client)
        self.start()

    def start(self) -> None:
        self.node = Node(self.settings)

    @property
    def table(self) -> Ref:
        """The table of the node's computations."""
        found = self.node.system.whereis(COMPUTATIONS)
        assert found is not None
        return found

    def script(self, source: str, **options: Any) -> Computation:
        """Spawn a script from its text."""
        return self.spawn(Spec(Script("/none/script.py", source), **options))

    def command(self, *argv: str, restartable: bool = False, **options: Any) -> Computation:
        """Spawn a command."""
        return self.spawn(Spec(Command(argv, restartable=restartable), **options))

    def spawn(self, spec: Spec) -> Computation:
        started = self.client.item("spawn", spec=spec.to_plain())
        return self.network.computation(started["name"])

    def result(self, name: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """How a computation ended, once it has."""
        found: dict[str, Any] = self.client.item("result", timeout=timeout, name=name, wait=True)
        return found

    def row(self, name: str) -> dict[str, Any]:
        """The row of ``ps`` for a computation."""
        return next(r for r in self.client.item("ps", name=name)["rows"] if r["name"] == name)

    def log(self, name: str) -> str:
        """What a computation printed."""
        return b"".join(self.network.computation(name).logs()).decode()

    def folder(self, name: str) -> Path:
        """Where the node keeps a computation's things."""
        (found,) = (self.settings.paths.state / "desk" / "computations").glob(f"{name}#*")
        return found


@contextmanager
def one_host(home: Path, **settings: Any) -> Iterator[Host]:
    """A host; at the end nothing of it is left: no actor, thread, process, socket or descriptor."""
    started = processes_since()
    descriptors = _descriptors()
    with nothing_left_behind():
        host = Host(home, **settings)
        try:
            yield host
        finally:
            host.node.close()
    assert host.node.system.actors() == []
    assert not list(host.settings.paths.runtime.iterdir())
    until_none(started)
    until(lambda: _descriptors() <= descriptors)


def until(check: Callable[[], T], within: float = PATIENCE) -> T:
    """What ``check()`` gives, once that is true."""
    deadline = time.monotonic() + within
    while not (value := check()):
        assert time.monotonic() < deadline, f"never: {check}"
        time.sleep(0.01)
    return value


def worker_of(host: Host, name: str) -> int:
    """The process id of a computation's program, once it has one."""
    said = until(lambda: [line for line in host.log(name).splitlines() if line.isdigit()])
    return int(said[-1])


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that lost its parent may wait for its reaper."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (a count)
