"""A host of a running lab, for tests and tools: commands in it, and its node."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulacra.client import Client
from simulacra.testing.lab.machine import children, has_ended
from simulacra.testing.lab.plan import BOOT, HOME, PORT, LabError

if TYPE_CHECKING:
    from simulacra.testing.lab.running import RunningLab

TIMEOUT: Final = 60.0
_NODES: Final = (["-P", "-m", "simulacra", "up"], ["-P", "/run/lab/bin/simulacra", "up"])
"""How a node's Python is called, in the background and not."""
_DEAD: Final = frozenset({"Z", "X", ""})
"""Letters of processes that are dead, or gone."""
_STOPPED: Final = _DEAD | {"T"}


class HostProcess(subprocess.Popen[bytes]):
    """A command that runs on a host; its ``pid`` is that of its guard outside the host.

    Signals go to the command itself, and it dies with its guard.
    """

    def inner(self) -> int:
        """The command's own process, as the machine numbers it; 0 where it has ended."""
        return next(iter(children(self.pid)), 0)

    def send_signal(self, sig: int) -> None:
        """Send the command a signal; no error where it has ended."""
        # It enters the host, and only then begins.
        deadline = time.monotonic() + TIMEOUT
        while self.poll() is None and time.monotonic() < deadline:
            if inner := self.inner():
                os.kill(inner, sig)
                return
            time.sleep(0.001)


class Host:
    """A host.

    Attributes:
        name: its name, in the lab and as its node's.
        address: its IPv4 address.
        zone: the number of its zone, from 0.
        home: the home of root on it, as seen from outside; it outlives the host.
        client: calls to its node.
    """

    def __init__(self, lab: RunningLab, row: Mapping[str, Any]) -> None:
        self.name: str = row["host"]
        self.address: str = row["address"]
        self.zone: int = row["zone"]
        self.home: Path = lab.folder / "disks" / self.name
        self.client = Client(self.home / "simulacra" / "run" / self.name)
        self._lab = lab

    def __repr__(self) -> str:
        return f"<host {self.name}>"

    @property
    def listen(self) -> str:
        """Where its node listens: HOST:PORT."""
        return f"{self.address}:{PORT}"

    @property
    def pid(self) -> int:
        """Its process 1, as the machine numbers it; 0 while it is down."""
        return self._lab.pid(self.name)

    # -- commands

    def command(self, words: Sequence[str], *, cwd: str | Path = HOME) -> list[str]:
        """What to run on the machine so that a command runs on the host.

        Raises:
            LabError: the host is down.
        """
        if not self.pid:
            raise LabError(f"host {self.name} is down", f"simulacra lab start {self.name}")
        enter = ["nsenter", "-t", str(self.pid), "-n", "-m", "-u", "-p", "-i"]
        return [*enter, "setpriv", "--pdeathsig", "KILL", "env", f"--chdir={cwd}", *words]

    def environ(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of commands on the host, and ``extra``."""
        return {**self._lab.environ(self.name), **(extra or {})}

    def popen(
        self,
        words: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | Path = HOME,
        **options: Any,
    ) -> HostProcess:
        """Start a command; ``env`` is added to the host's, options as for `subprocess.Popen`."""
        return HostProcess(self.command(words, cwd=cwd), env=self.environ(env), **options)

    def run(
        self,
        words: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | Path = HOME,
        timeout: float = TIMEOUT,
        check: bool = True,
        input: str | None = None,  # noqa: A002 (as subprocess calls it)
    ) -> subprocess.CompletedProcess[str]:
        """Run a command and wait for it; its output is text.

        Raises:
            LabError: it failed and ``check`` is set; the text has what it said.
            subprocess.TimeoutExpired: it took longer than ``timeout`` seconds, and was killed.
        """
        done = subprocess.run(
            self.command(words, cwd=cwd),
            env=self.environ(env),
            timeout=timeout,
            check=False,
            capture_output=True,
            text=True,
            input=input or "",
        )
        if check and done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise LabError(f"on {self.name}, {words[0]} ended with {done.returncode}: {said}")
        return done

    def simulacra(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the command line on the host; options as for `run`."""
        return self.run(["simulacra", *words], **options)

    def json(self, *words: str, **options: Any) -> Any:
        """Run the command line with ``--json`` and return the document."""
        return json.loads(self.simulacra(*words, "--json", **options).stdout)

    # -- the host as a whole

    def processes(self) -> Iterator[tuple[int, list[str]]]:
        """Its processes but the first, as the machine numbers them, and their command lines.

        One that is just beginning a program has no command line, and is left out.
        """
        for pid in self._inside():
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
                if words:
                    yield pid, words.split("\0")[:-1]

    def _inside(self) -> set[int]:
        """Its processes but the first, all that are not dead."""
        first = self.pid
        space = _space(first)
        if not space:
            return set()
        pids = {int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal()}
        inside = {pid for pid in pids - {first} if _space(pid) == space}
        return {pid for pid in inside if _state(pid) not in _DEAD}

    def stop(self) -> None:
        """Stop all its processes with SIGSTOP, as if it slept; its connections stay."""
        stopped: set[int] = set()
        while new := self._inside() - stopped:
            stopped |= new
            _signal(new, signal.SIGSTOP)
        # A guard of a command stops when it sees the command stopped; continued before that,
        # it would stop afterwards, for ever.
        deadline = time.monotonic() + TIMEOUT
        while set(map(_state, self._guards())) - _STOPPED and time.monotonic() < deadline:
            time.sleep(0.001)

    def cont(self) -> None:
        """Let all its processes go on."""
        _signal(self._guards() | self._inside(), signal.SIGCONT)

    def _guards(self) -> set[int]:
        """The processes outside that wait for commands on the host."""
        return {parent for parent in map(_parent, self._inside()) if _is_guard(parent)}

    def is_stopped(self) -> bool:
        """Whether all its processes are stopped."""
        found = set(map(_state, self._inside()))
        return bool(found) and found <= _STOPPED

    def end_stopped(self) -> None:
        """Kill what is stopped: a host ends when all in it were waited for, by guards that run."""
        guards = self._guards()
        _signal({pid for pid in self._inside() if _state(pid) in _STOPPED}, signal.SIGKILL)
        _signal({pid for pid in guards if _is_guard(pid)}, signal.SIGCONT)

    def kill(self) -> None:
        """Take its power away: all its processes are gone, its home stays."""
        self.end_stopped()
        self._lab.order("kill", host=self.name)

    def start(self, *, node: bool = False) -> None:
        """Start it again after `kill`, with its node if wanted."""
        self._lab.order("start", host=self.name)
        if node:
            self.up()

    def at_boot(self, script: str) -> None:
        """Run a shell script now, and whenever the host starts; what it leaves running goes on.

        Raises:
            LabError: it failed; a host on which it fails does not start.
        """
        (self.home / BOOT).write_text(script)
        self.run(["sh", BOOT])

    # -- its node

    def up(self, *words: str) -> dict[str, Any]:
        """Start its node, with these options, and return its status."""
        found: dict[str, Any] = self.json("up", "--detach", "--timeout", f"{TIMEOUT}s", *words)
        return found

    def down(self) -> None:
        """End its node in order."""
        self.simulacra("down")

    def had_node(self) -> bool:
        """Whether a node was ever up on it."""
        return (self.home / "simulacra" / "state").exists()

    def node_pid(self) -> int:
        """Its node's process, as the machine numbers it; 0 where none is up."""
        nodes = [
            pid
            for pid, words in self.processes()
            if any(words[1 : len(each) + 1] == each for each in _NODES)
        ]
        return min(nodes, default=0)

    def signal_node(self, number: int) -> None:
        """Send its node a signal, the machine's way: SIGKILL, SIGSTOP, SIGCONT.

        One that is killed has ended when this returns: its port is free, and its files are closed.

        Raises:
            LabError: no node is up.
        """
        pid = self.node_pid()
        if not pid:
            raise LabError(f"no node is up on {self.name}", f"{self.name}.up()")
        os.kill(pid, number)
        if number == signal.SIGKILL:
            has_ended(pid, TIMEOUT)

    def status(self) -> dict[str, Any]:
        """Its node's status."""
        found: dict[str, Any] = self.client.item("status")
        return found

    def sees(self) -> set[str]:
        """The hosts that its node says are up, without itself."""
        return {peer["host"] for peer in self.status()["peers"] if peer["state"] == "up"}


def _signal(pids: set[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _space(pid: int) -> str:
    """The process numbers' namespace of a process; nothing where it is gone."""
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""


def _state(pid: int) -> str:
    return _stat(pid)[0]


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _is_guard(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "nsenter\n"
    except OSError:
        return False


def _stat(pid: int) -> list[str]:
    """State, parent and more of a process, as /proc has them; of one that is gone, nothing."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ["", "0"]
    return stat.rpartition(")")[2].split()
