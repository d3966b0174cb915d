"""A host's processes and namespaces, as its keeper starts and ends them.

A host is one ``unshare`` and below it a shell, which is process 1 of the host: it makes what the
host has of its own, starts sshd and what root's home says in ``boot``, and then collects the
processes that end. Its namespaces have no
names and are nowhere mounted, so they end with it, and it ends with its keeper, however that ends:
the kernel kills ``unshare`` when the keeper dies, and the shell when ``unshare`` does.

A host has of its own: network, process numbers, name, /run, the home of root (which is in the
lab's folder, and outlives the host like a disk), /etc/hosts. All else is the machine's.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from simulacra.testing.lab.plan import LabError

TIMEOUT: Final = 60.0

_BOOT: Final = """
set -eu
hostname "$1"
cd "$2"
mount --bind hosts /etc/hosts
mount --bind passwd /etc/passwd
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/root /run/lab /run/sshd /run/lock
mkdir -m 1777 /run/tmp
# Relative, and not made absolute: the folder's own path is below the new /run.
mount --no-canonicalize --bind "disks/$1" /run/root
mount --no-canonicalize --bind etc /run/lab
mount -t sysfs sysfs /sys
cd /run/root
echo booted
read -r _
ip -batch /run/lab/"$1".ip
"$3" -f /run/lab/"$1".sshd
[ ! -e boot ] || sh boot </dev/null >&2
echo ready
exec </dev/null >/dev/null
while :; do sleep infinity & wait; done
"""

# Until the shell is told to go on, it ends by itself when its keeper does.
_HOST: Final = (
    "setpriv", "--pdeathsig", "KILL",
    "unshare", "--net", "--mount", "--uts", "--pid", "--ipc",
    "--fork", "--kill-child", "--mount-proc",
    "sh", "-c", _BOOT,
)  # fmt: skip


class Machine:
    """One host; it is down until `boot` is called.

    Attributes:
        name: the host's name.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._said = b""

    @property
    def space(self) -> int:
        """A process in the host's network namespace."""
        assert self._process is not None  # noqa: S101 (it was booted)
        return self._process.pid

    @property
    def first(self) -> int:
        """The host's process 1, as the machine numbers it; 0 while the host is down."""
        if self._process is None or self._process.poll() is not None:
            return 0
        return next(iter(children(self._process.pid)), 0)

    def boot(self, environ: dict[str, str]) -> None:
        """Begin to start it, up to where it needs its cable."""
        sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "sshd"
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_HOST, "host", self.name, str(self._folder), sshd],
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                start_new_session=True,
            )
        self._said = b""

    def go_on(self) -> None:
        """Say that its cable is there."""
        assert self._process is not None  # noqa: S101
        assert self._process.stdin is not None  # noqa: S101
        with self._process.stdin as stdin:
            stdin.write(b"\n")

    def wait(self, word: str, deadline: float) -> None:
        """Wait until it has said how far it is.

        Raises:
            LabError: it has ended, or is late.
        """
        assert self._process is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        while f"{word}\n".encode() not in self._said:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._process.stdout], [], [], left)[0]:
                raise LabError(f"host {self.name} is not {word} in time", self._see_log())
            piece = os.read(self._process.stdout.fileno(), 4096)
            if not piece:
                raise LabError(f"host {self.name} ended while it started", self._see_log())
            self._said += piece

    def _see_log(self) -> str:
        said = (self._folder / "log").read_text(errors="replace").strip().splitlines()
        return said[-1] if said else "it said nothing"

    def kill(self) -> None:
        """End it at once, as without power; no error where it is down."""
        if self._process is None:
            return
        if self._process.poll() is None:
            # Process 1 ends when all of the host's have, and `unshare` waits for it.
            os.kill(self.first or self._process.pid, signal.SIGKILL)
        self._process.wait(TIMEOUT)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None


def children(pid: int) -> list[int]:
    """Return the children of a process; none where it is gone."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(word) for word in text.split()]


def has_ended(pid: int, timeout: float) -> bool:
    """Wait for a process's end; whether it came within ``timeout`` seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], timeout)[0])
    finally:
        os.close(handle)


def batch(tool: str, lines: Iterable[str]) -> None:
    """Run lines by ``ip -batch`` or ``tc -batch``; no run where there is none.

    Raises:
        LabError: one of them failed.
    """
    text = "".join(f"{line}\n" for line in lines)
    if text:
        feed([tool, "-batch", "-"], text)


def feed(command: list[str], text: str) -> None:
    """Run a tool with this as its input.

    Raises:
        LabError: it failed.
    """
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    if done.returncode:
        raise LabError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
