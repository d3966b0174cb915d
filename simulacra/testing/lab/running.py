"""A lab that runs, for tests and tools: its hosts, its cables, its nodes.

Several programs may use one lab: its state is with its keeper, which takes one order at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from simulacra.actors.gateway.frames import GatewayError
from simulacra.testing.lab import folders
from simulacra.testing.lab.furniture import tell_environ
from simulacra.testing.lab.host import Host
from simulacra.testing.lab.machine import has_ended
from simulacra.testing.lab.plan import LabError, Plan
from simulacra.testing.lab.wiring import parse_rate

TIMEOUT: Final = 90.0
NETWORK: Final = "lab"
"""The network that a lab's nodes are in: host a is also ``a.lab``."""

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PAUSE: Final = 0.02
_ENVIRON: Final = "environ"
_T = TypeVar("_T")


class RunningLab:
    """A lab that runs.

    Args:
        folder: what it has on disk.

    Attributes:
        folder: the same.
        hosts: by name.

    Raises:
        LabError: its keeper does not answer.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = self.order("status")
        zones: dict[int, list[str]] = {}
        for row in self._state["hosts"]:
            zones.setdefault(row["zone"], []).append(row["host"])
        self._plan = Plan(tuple(map(tuple, zones.values())))
        self.hosts = {row["host"]: Host(self, row) for row in self._state["hosts"]}

    def __getitem__(self, name: str) -> Host:
        self._plan.number(name)
        return self.hosts[name]

    def __iter__(self) -> Iterator[Host]:
        return iter(self.hosts.values())

    # -- what is so

    @property
    def name(self) -> str:
        """The lab's name."""
        return self.folder.name

    def status(self) -> dict[str, Any]:
        """The lab's state: its hosts, and the links that are not plain."""
        return self.order("status")

    def pid(self, host: str) -> int:
        """A host's process 1, as the machine numbers it; 0 while it is down."""
        return next(int(row["pid"]) for row in self._state["hosts"] if row["host"] == host)

    def environ(self, host: str) -> dict[str, str]:
        """The environment of commands on a host."""
        return {**self._plan.environ(host, shared_environ()), **self._added(host)}

    def add_environ(self, host: str, added: Mapping[str, str]) -> None:
        """Have all commands on a host from now on have this in their environment too."""
        file = self.folder / _ENVIRON / host
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({**self._added(host), **added}))
        tell_environ(self.folder / "disks" / host, self.environ(host))

    def _added(self, host: str) -> dict[str, str]:
        file = self.folder / _ENVIRON / host
        found: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        return found

    # -- cables

    def split(self, *parts: Sequence[str]) -> None:
        """Cut what is between the parts, instead of what was cut before.

        A host may be in several parts; one that is in none sees all.
        """
        self.order("split", parts=[list(part) for part in parts])

    def cut(self, host: str, other: str | None = None, *, one_way: bool = False) -> None:
        """Drop what is between two hosts, or a host and all; one way only what the first sends."""
        self.order("cut", host=host, other=other, one_way=one_way)

    def slow(
        self, host: str, other: str | None = None, *, rate: str = "", latency: float = 0.0
    ) -> None:
        """Limit what passes between two hosts, or a host and each other, both ways.

        Args:
            host: one of them.
            other: the other; all if left out.
            rate: as in ``10mbit``; no limit if left out.
            latency: seconds that it is held back, each way.
        """
        bits = parse_rate(rate) if rate else 0
        self.order("slow", host=host, other=other, rate=bits, latency=latency)

    def lose(self, host: str, other: str | None = None, *, share: float) -> None:
        """Lose a share (0 to 1) of the packets between two hosts, or a host and all."""
        self.order("lose", host=host, other=other, share=share)

    def unplug(self, host: str) -> None:
        """Pull a host's cable: its interface loses the carrier."""
        self.order("unplug", host=host)

    def plug(self, host: str) -> None:
        """Put a host's cable back."""
        self.order("plug", host=host)

    def mend(self) -> None:
        """Undo every split, cut and pulled cable; what is slow or lossy stays so."""
        self.order("mend")

    def heal(self) -> None:
        """Make all cables as new."""
        self.order("heal")

    # -- nodes

    def start_nodes(self, *hosts: str) -> None:
        """Start a node on these hosts or on all, in one network, and wait until they have met.

        It is made on the first host, which has the owner's key; the others are let in there, each
        by an invitation.
        """
        first, *others = (self[name] for name in hosts or self.hosts)
        first.simulacra("init", NETWORK)
        first.up()
        invitations = self.on_all(lambda _: first.json("invite")["join"], others)
        joins = dict(zip(others, invitations, strict=True))
        self.on_all(lambda host: host.up("--join", joins[host]), others)
        self.wait_met(*hosts)

    def wait_met(self, *hosts: str, timeout: float = TIMEOUT) -> None:
        """Wait until the nodes of these hosts, or of all, say of one another that they are up.

        Raises:
            TimeoutError: they do not in time; the text says what each sees.
        """
        names = set(hosts) or set(self.hosts)
        deadline = time.monotonic() + timeout
        missing = {name: names - {name} for name in names}
        while missing:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not met within {timeout:g} s; each still misses: {missing}")
            for name in list(missing):
                with contextlib.suppress(GatewayError):
                    missing[name] = names - {name} - self[name].sees()
            missing = {name: others for name, others in missing.items() if others}
            time.sleep(_PAUSE if missing else 0)

    def reset(self) -> None:
        """Make it as it was: cables whole, hosts up, none stopped, and nodes where there were."""
        self.heal()
        for host in self:
            if not host.pid:
                host.start()
            host.cont()
            if host.had_node() and not host.node_pid():
                host.up()

    def on_all(self, do: Callable[[Host], _T], hosts: Iterable[Host]) -> list[_T]:
        """Do something on hosts, on several at once, and return what it gave, in their order."""
        with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
            return list(pool.map(do, hosts))

    # -- the keeper

    def order(self, verb: str, **args: Any) -> dict[str, Any]:
        """Give the keeper an order and return the lab's state after it.

        Raises:
            LabError: it refuses, or does not answer.
        """
        self._state = _ask(self.folder, verb, args)
        return self._state

    def stay(self) -> None:
        """Go on when the program that made it ends, until `close`."""
        self.order("stay")

    def close(self) -> None:
        """End all hosts and leave nothing behind; no error where it has ended."""
        for host in self:
            host.end_stopped()
        end(self.folder)


def end(folder: Path) -> None:
    """End a lab, also one whose keeper no longer answers; no error where it has ended."""
    try:
        pid = int((folder / "pid").read_text())
    except FileNotFoundError:
        return
    with contextlib.suppress(LabError):
        _ask(folder, "down", {})
    if not has_ended(pid, TIMEOUT):
        # Its hosts end with it.
        os.kill(pid, signal.SIGKILL)
        has_ended(pid, TIMEOUT)
    folders.running()


def attach(name: str) -> RunningLab:
    """Return a lab that runs already.

    Raises:
        LabError: none of that name does.
    """
    return RunningLab(folders.find(name))


def _ask(folder: Path, verb: str, args: dict[str, Any]) -> dict[str, Any]:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(str(folder / "control"))
            connection.sendall(json.dumps({"verb": verb, "args": args}).encode() + b"\n")
            with connection.makefile("rb") as lines:
                said = lines.readline()
    except OSError as error:
        raise LabError(
            f"the keeper of lab {folder.name} does not answer: {error}",
            f"simulacra lab down --lab {folder.name}",
        ) from error
    return heard(said)


def shared_environ() -> dict[str, str]:
    """What the environment of all hosts has of this program's: its Python, and its colours."""
    import simulacra  # noqa: PLC0415 (for where it is)

    root = str(Path(simulacra.__file__).parents[1])
    path = os.environ.get("PYTHONPATH")
    kept = ("LANG", "LC_ALL", "TERM", "NO_COLOR", "TZ")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": f"/run/lab/bin:{Path(sys.executable).parent}:{PATH}",
        "PYTHONPATH": f"{root}:{path}" if path else root,
    }


def heard(line: bytes) -> dict[str, Any]:
    """Return what a keeper's answer says.

    Raises:
        LabError: it refuses, or has ended.
    """
    if not line.endswith(b"\n"):
        raise LabError("the lab's keeper ended in the middle of an answer")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise LabError(answer["error"], answer["hint"])
    return answer
