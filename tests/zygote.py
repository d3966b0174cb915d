"""Starts nodes fast: imports everything once, and forks a process for each node that it is told of.

Reads one JSON object a line: ``environ`` and ``log``; ``die_at``, the number of the step at which
the node is to kill itself, of those that `Steps` counts, or 0; and ``software``, the version of
Python that it is to tell, or nothing. Answers with the process's id. Has no threads of its own, so
forking is safe.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from simulacra.actors.compute import hosts, relocation
from simulacra.actors.compute import moves as m
from simulacra.actors.compute.relocation import Relocation
from simulacra.actors.compute.store import Kept
from simulacra.actors.node_process import run
from simulacra.actors.settings import Settings

_PR_SET_PDEATHSIG = 1  # linux/prctl.h: a node ends with the test that wanted it


class Steps:
    """Counts what a node does of the moving protocol, and kills the node with SIGKILL at one step.

    A step is a command of the two machines, a message that came, a write, an fsync or a rename for
    it. Counted from the first offer on, made or heard.
    """

    def __init__(self, die_at: int) -> None:
        self._die_at = die_at
        self._count = itertools.count(1)
        self._begun = False
        self._watch(Relocation, "_do")
        self._watch(Relocation, "heard")
        self._watch(Relocation, "fetched")
        self._watch(Kept, "write_record")
        self._watch(Kept, "write_spec")
        self._watch(os, "fsync")
        self._watch(os, "replace")

    def _watch(self, owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def stepping(*args: Any, **kwargs: Any) -> Any:
            self._step(args)
            return original(*args, **kwargs)

        setattr(owner, name, stepping)

    def _step(self, args: tuple[Any, ...]) -> None:
        if not self._begun:
            last = args[-1] if args else None
            offers = isinstance(last, m.Tell) and isinstance(last.message, m.Offer)
            self._begun = offers or isinstance(last, m.Offer)
        if self._begun and next(self._count) == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)


def _become(order: dict[str, Any]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    output = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    os.environ.update(order["environ"])
    if order["software"]:
        for module in (hosts, relocation):
            vars(module)["THIS_SOFTWARE"] = m.Software(order["software"], "x86_64")
    if order["die_at"]:
        Steps(order["die_at"])
    run(Settings.load(folder=Path(order["log"]).parent))


def main() -> None:
    """Fork until the orders end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the nodes
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                _become(json.loads(line))
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
