"""Real nodes, a process each, on this machine's loopback: to move things between, and to kill.

Every machine has a home of its own. Used as a context manager, `Machines` leaves no process behind:
whatever still runs with one of its homes in its environment is a failure.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, Self

import psutil

from simulacra.actors.compute.arguments import pack_argument
from simulacra.actors.compute.spec import Command, Script, Spec
from simulacra.actors.compute.values import pack, unpack
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.settings import Paths
from simulacra.client import Client

PATIENCE = 60.0
"""Seconds after which something that should happen has not."""


def wait_for(check: Callable[[], Any], within: float = PATIENCE, what: object = None) -> Any:
    """What ``check()`` gives, once that is true; a gateway's error counts as not yet."""
    deadline = time.monotonic() + within
    seen: Any = None
    while time.monotonic() < deadline:
        try:
            seen = check()
        except GatewayError as error:
            seen = error
        else:
            if seen:
                return seen
        time.sleep(0.02)
    raise AssertionError(f"not within {within:g} s: {what or check}; last seen: {seen!r}")


class Machine:
    """One machine: a home, a node that may be up or not, and calls to it.

    Attributes:
        name: the node's name.
        home: its SIMULACRA_HOME.
        pid: of its node, 0 while there is none.
        labels: what its node is marked with when it comes up, with commas between.
    """

    def __init__(
        self,
        name: str,
        home: Path,
        address: str,
        port: int,
        zygote: subprocess.Popen[str] | None = None,
    ) -> None:
        self.name, self.home = name, home
        self.environ = {"SIMULACRA_HOME": str(home), "SIMULACRA_NAME": name}
        self.paths = Paths.find(self.environ)
        self.pair = KeyPair.load_or_make(self.paths.key(name))
        self.client = Client(self.paths.socket(name))
        self.address = f"{address}:{port}"
        self.log = home / "log"
        self.pid = 0
        self.labels = ""
        self._zygote = zygote

    def admit(self, *others: Machine, addresses: list[Machine] | None = None) -> None:
        """Let these be all that it admits; it knows the addresses of some, or of all."""
        known = others if addresses is None else addresses
        lines = [
            f"{o.name} {o.pair.public} {o.address if o in known else ''}"
            for o in others
            if o is not self
        ]
        self.paths.members.write_text("".join(f"{line}\n" for line in lines))

    # -- the node

    def up(self, die_at: int = 0, software: str = "") -> None:
        """Start the node and wait until it answers; it says that its Python is ``software``."""
        assert self._zygote is not None
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        told = {
            **self.environ, "SIMULACRA_LISTEN": self.address, "SIMULACRA_LABELS": self.labels,
            "SIMULACRA_LOG": "json",
        }  # fmt: skip
        order = {
            "environ": told, "log": str(self.log), "die_at": die_at, "software": software,
        }  # fmt: skip
        self._zygote.stdin.write(json.dumps(order) + "\n")
        self._zygote.stdin.flush()
        self.pid = int(self._zygote.stdout.readline())
        wait_for(lambda: self.call("status"), what=f"{self.name} is up")

    @property
    def is_up(self) -> bool:
        """Whether the node's process is there."""
        return self.pid != 0 and psutil.pid_exists(self.pid)

    def signal(self, number: int) -> None:
        """Send the node a signal; no error where it is gone."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait_dead(self, within: float = PATIENCE) -> None:
        """Wait until the node's process is gone."""
        wait_for(lambda: not self.is_up, within, f"{self.name} is dead")

    def kill(self) -> None:
        """End the node with SIGKILL."""
        self.signal(signal.SIGKILL)
        self.wait_dead()

    def down(self) -> None:
        """End the node in order."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.wait_dead()
        except AssertionError:
            self.kill()
            raise

    # -- calls

    def call(self, verb: str, **args: Any) -> Any:
        """One call of the gateway's."""
        return self.client.item(verb, **args)

    def spawn(self, source: str, *args: object, name: str, **options: Any) -> str:
        """Spawn a script; where it began."""
        packed = tuple(pack_argument(f"args[{n}]", value) for n, value in enumerate(args))
        spec = Spec(Script(f"/none/{name}.py", source), args=packed, name=name, **options)
        return str(self.call("spawn", spec=spec.to_plain())["host"])

    def spawn_command(
        self, *argv: str, name: str, restartable: bool = False, **options: Any
    ) -> str:
        """Spawn a command; where it began."""
        spec = Spec(Command(argv, restartable=restartable), name=name, **options)
        return str(self.call("spawn", spec=spec.to_plain())["host"])

    def migrate(self, name: str, host: str) -> Any:
        """Move a computation."""
        return self.call("migrate", name=name, host=host)

    def tell(self, name: str, body: object) -> None:
        """Write to a computation."""
        self.call("send", name=name, body=pack(body), sender="test")

    def ask(self, name: str, body: object, timeout: float = PATIENCE) -> Any:
        """Ask a computation."""
        return unpack(self.client.item("ask", timeout=timeout, name=name, body=pack(body))["body"])

    def result(self, name: str, timeout: float = PATIENCE) -> Any:
        """What a computation returned, once it has ended."""
        found = self.client.item("result", timeout=timeout, name=name, wait=True)
        assert found["state"] == "done", (found, self.call_log(name))
        return unpack(found["value"])

    def call_log(self, name: str) -> str:
        """What a computation printed."""
        pieces = self.client.items("logs", name=name)
        return b"".join(piece["data"] for piece in pieces).decode()

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of ``ps`` for a computation."""
        rows = self.call("ps", name=name)["rows"]
        return [row for row in rows if row["name"] == name and row["kind"] != "node"]

    def where(self, name: str) -> str:
        """The host on which a computation runs."""
        living = [row for row in self.rows(name) if row["state"] in {"running", "moving"}]
        return str(living[0]["host"]) if len(living) == 1 else ""

    def events(self, trace: str = "") -> list[dict[str, Any]]:
        """What the node logged, all of it or under a trace id."""
        events = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [event for event in events if not trace or event.get("trace") == trace]

    def sees(self, *others: Machine) -> bool:
        """Whether others are connected."""
        peers = self.call("status")["peers"]
        up = {peer["host"] for peer in peers if peer["state"] == "up"}
        return up >= {other.name for other in others}


class Machines:
    """Machines that admit one another.

    Args:
        folder: where their homes are.
        names: of the machines.
        up: start them all.
    """

    def __init__(self, folder: Path, *names: str, up: bool = True) -> None:
        self._folder = folder
        self.all = [
            Machine(name, folder / name, "127.0.0.1", port, _zygote())
            for name, port in zip(names, _free_ports(len(names)), strict=True)
        ]
        for machine in self.all:
            machine.admit(*self.all)
        self._start = up

    def __enter__(self) -> Self:
        if self._start:
            try:
                for machine in self.all:
                    machine.up()
                self.wait_met()
            except BaseException:
                self.__exit__()
                raise
        return self

    def __iter__(self) -> Any:
        return iter(self.all)

    def wait_met(self) -> None:
        """Wait until all that are up are connected."""
        up = [machine for machine in self.all if machine.is_up]
        for one in up:
            others = [other for other in up if other is not one]
            wait_for(partial(one.sees, *others), what=f"{one.name} sees all")

    def __exit__(self, *_: object) -> None:
        try:
            for machine in self.all:
                machine.signal(signal.SIGCONT)
                machine.signal(signal.SIGTERM)
            for machine in self.all:
                machine.wait_dead()
            wait_for(lambda: not self.processes(), what=f"left: {self.processes()}")
        finally:
            for process in self.processes():
                with suppress(psutil.Error):
                    process.kill()

    def processes(self) -> list[psutil.Process]:
        """What the nodes started: it has one of the homes in its environment."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("SIMULACRA_HOME", "").startswith(str(self._folder)):
                    found.append(process)
        return found


@cache
def _zygote() -> subprocess.Popen[str]:
    """What forks the nodes; it stays for other tests, and ends with this process."""
    root = Path(__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.zygote"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


__all__ = ["PATIENCE", "ErrorCode", "GatewayError", "Machine", "Machines", "wait_for"]
