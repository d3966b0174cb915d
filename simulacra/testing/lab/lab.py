"""Making a lab: what it needs of the machine, its keeper, and its end."""

from __future__ import annotations

import json
import os
import secrets
import select
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from simulacra.testing.lab import folders
from simulacra.testing.lab.plan import LabError, Plan
from simulacra.testing.lab.running import PATH, TIMEOUT, RunningLab, heard, shared_environ

_TOOLS: Final = {
    "ip": "iproute2",
    "tc": "iproute2",
    "nft": "nftables",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "nsenter": "util-linux",
}


def why_not() -> str | None:
    """Why no lab can be had on this machine, or None."""
    if sys.platform != "linux":
        return "a lab needs Linux"
    if os.geteuid() != 0:
        return "a lab of network namespaces needs root"
    path = f"{os.environ.get('PATH', '')}:{PATH}"
    missing = [tool for tool in _TOOLS if shutil.which(tool, path=path) is None]
    if missing:
        packages = " ".join(sorted({_TOOLS[tool] for tool in missing}))
        return f"a lab needs {', '.join(missing)}: apt install {packages}"
    return None


class Lab(RunningLab):
    """Hosts on one LAN, or in zones; used as a context manager it ends with the block.

    It also ends when the program that made it does, however that ends, unless told to `stay`.

    Args:
        hosts: their names.
        zones: the hosts by zone, instead of ``hosts``.
        nodes: whether every host has a node that is up, all in one network.
        name: the lab's name; made up if left out.

    Raises:
        LabError: it cannot be had here, or setting it up failed.
    """

    def __init__(
        self,
        *hosts: str,
        zones: Sequence[Sequence[str]] = (),
        nodes: bool = False,
        name: str = "",
    ) -> None:
        reason = why_not()
        if reason is not None:
            raise LabError(reason)
        plan = Plan(tuple(map(tuple, zones)) if zones else (hosts,))
        folder, lock = folders.make(name or f"lab-{secrets.token_hex(3)}")
        try:
            self._keeper = _keep(folder, plan, lock)
        finally:
            os.close(lock)
        try:
            _wait_started(self._keeper)
            super().__init__(folder)
            if nodes:
                self.start_nodes()
        except BaseException:
            self._end_keeper()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all hosts and leave nothing behind; no error where it has ended."""
        super().close()
        self._end_keeper()

    def _end_keeper(self) -> None:
        if self._keeper.poll() is None:
            self._keeper.terminate()
        self._keeper.wait(TIMEOUT)
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            if pipe is not None:
                pipe.close()


def _keep(folder: Path, plan: Plan, lock: int) -> subprocess.Popen[bytes]:
    order = {
        "folder": str(folder),
        "zones": plan.zones,
        "environ": shared_environ(),
        "python": sys.executable,
    }
    keeper = [sys.executable, "-m", "simulacra.testing.lab.keeper", json.dumps(order)]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            ["unshare", "--net", *keeper],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd="/",
            env={**shared_environ(), "LC_ALL": "C.UTF-8"},
            pass_fds=[lock],
            start_new_session=True,
        )


def _wait_started(keeper: subprocess.Popen[bytes]) -> None:
    assert keeper.stdout is not None  # noqa: S101 (it is a pipe)
    if not select.select([keeper.stdout], [], [], TIMEOUT)[0]:
        raise LabError("the lab's keeper does not start in time")
    heard(keeper.stdout.readline())
