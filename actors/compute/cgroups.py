"""Limits by cgroup v2, where a part of its tree is delegated to this process; else there are none.

Delegated means: the node's own cgroup is not the root, its files can be written, and it has the
controllers ``memory`` and ``pids`` (systemd's user services, and scopes made with Delegate=yes, are
so). A cgroup with processes of its own may not hand controllers on, so the node first moves itself
into a child, ``node``. Each guarded process then gets a sibling of that, with its guard, and all
that it starts stays there, whatever it does. When it is over the rest is killed and the cgroup
removed; what a node that crashed left is removed by the next.

Memory is the kernel's to hold: who is killed for it is told by `Cgroup.is_out_of_memory`.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from simulacra.actors.compute.spec import Limits

NEEDED: Final = frozenset({"memory", "pids"})
PIDS: Final = 4096
"""Processes and threads that one computation may have."""

_NODE: Final = "node"
_REMOVE_SECONDS: Final = 1.0
_numbers = count(1)


def own_cgroup(proc: Path = Path("/proc/self")) -> Path | None:
    """The folder of this process's cgroup of version 2, if that is mounted."""
    mounts = (line.split() for line in (proc / "mountinfo").read_text().splitlines())
    mounted = [
        (fields[3], fields[4]) for fields in mounts if fields[fields.index("-") + 1] == "cgroup2"
    ]
    lines = (proc / "cgroup").read_text().splitlines()
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    if path is None or not mounted:
        return None
    root, place = mounted[0]
    return Path(place) / path.removeprefix(root).lstrip("/")


def is_delegated(folder: Path) -> bool:
    """Whether this process may make cgroups with limits below a folder."""
    files = [folder / name for name in ("cgroup.procs", "cgroup.subtree_control")]
    if not (folder / "cgroup.type").exists() or not all(os.access(f, os.W_OK) for f in files):
        return False  # the root has no type
    return set((folder / "cgroup.controllers").read_text().split()) >= NEEDED


class Cgroup:
    """The cgroup of one guarded process.

    Args:
        folder: where it is to be made.
        limits: what its processes may use.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        folder.mkdir()
        try:
            (folder / "pids.max").write_text(str(PIDS))
            if limits.memory is not None:
                (folder / "memory.max").write_text(str(limits.memory))
                with suppress(OSError):  # a kernel without swap accounting
                    (folder / "memory.swap.max").write_text("0")
        except OSError:
            folder.rmdir()
            raise

    def add(self, pid: int) -> None:
        """Take a process in, and what it will start."""
        with suppress(ProcessLookupError):
            (self._folder / "cgroup.procs").write_text(str(pid))

    @property
    def is_out_of_memory(self) -> bool:
        """Whether the kernel has killed a process of it for its limit of memory."""
        return _figures(self._folder / "memory.events").get("oom_kill", 0) > 0

    @property
    def cpu(self) -> float:
        """Seconds of processor time that it has used, those of ended processes too."""
        return _figures(self._folder / "cpu.stat").get("usage_usec", 0) / 1e6

    def remove(self) -> None:
        """Kill what is left in it, and remove it.

        Raises:
            OSError: it could not be removed in a second.
        """
        deadline = time.monotonic() + _REMOVE_SECONDS
        (self._folder / "cgroup.kill").write_text("1")
        while True:
            try:
                self._folder.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
            else:
                return


class Delegated:
    """The delegated cgroup of this process, in which each guarded process gets one.

    Args:
        folder: this process's own cgroup.

    Raises:
        OSError: it is not to be had, as when processes of others are in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        node = folder / _NODE
        node.mkdir(exist_ok=True)
        (node / "cgroup.procs").write_text(str(os.getpid()))
        try:
            wanted = " ".join(f"+{controller}" for controller in sorted(NEEDED))
            (folder / "cgroup.subtree_control").write_text(wanted)
        except OSError:
            (folder / "cgroup.procs").write_text(str(os.getpid()))
            node.rmdir()
            raise
        for left in folder.glob("computation-*"):
            with suppress(OSError):  # another node of this service has it
                left.rmdir()

    def make(self, limits: Limits) -> Cgroup:
        """A cgroup for a guarded process.

        Raises:
            OSError: it cannot be made.
        """
        return Cgroup(self._folder / f"computation-{os.getpid()}-{next(_numbers)}", limits)


class _Holder:
    """What `use` found, for the whole process: cgroups are the process's, not an object's."""

    delegated: Delegated | None = None


def use() -> bool:
    """Use cgroups from now on in this process, if they are delegated to it; whether they are."""
    folder = own_cgroup()
    if folder is not None and is_delegated(folder):
        with suppress(OSError):
            _Holder.delegated = Delegated(folder)
    return in_use()


def in_use() -> bool:
    """Whether guarded processes get cgroups."""
    return _Holder.delegated is not None


def make(limits: Limits) -> Cgroup | None:
    """A cgroup for a guarded process; None where none are delegated.

    Raises:
        OSError: it cannot be made.
    """
    return None if _Holder.delegated is None else _Holder.delegated.make(limits)


def _figures(file: Path) -> dict[str, int]:
    with suppress(OSError):
        pairs = (line.split() for line in file.read_text().splitlines())
        return {name: int(value) for name, value in pairs}
    return {}
