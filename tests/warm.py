"""The command line without its start: forked from a process that has imported all of it.

As in a process of its own it has its words, environment, folder, output, exit code and end; what
it starts is its own child. Only the interpreter's start is left out, which takes longer than most
commands. What is to be tested of that, of terminals and of signals has a real start. A node that
the command line starts in the background is forked as well, from the command line; the demo, which
is not started from here, starts its nodes as users do.

`Warm` is the tests' side. The server has no threads, so that forking is safe. It forks a keeper for
each run, which forks the command line and tells how that ends.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MOST = 1 << 18
MOST_OPEN = 1 << 10
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PATH = list(sys.path)


class Warm:
    """A server, until its process ends."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.warm", str(theirs.fileno())],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        assert self._orders.recv(1) == b"+", "it has imported everything"

    def run(
        self, words: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line, with no input, and wait for its end.

        Raises:
            subprocess.TimeoutExpired: it took longer, and was killed.
        """
        order = json.dumps({"words": words, "environ": dict(env), "cwd": str(cwd)}).encode()
        outputs = [os.memfd_create(name) for name in ("stdout", "stderr")]
        ends, told = os.pipe()
        try:
            socket.send_fds(self._orders, [order], [*outputs, told])
            os.close(told)
            with os.fdopen(ends, "rb", buffering=0) as said:
                pid = int(said.readline())
                if not select.select([said], [], [], timeout)[0]:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(["simulacra", *words], timeout)
                code = int(said.readline())
            stdout, stderr = (_all_of(each) for each in outputs)
        finally:
            for each in outputs:
                os.close(each)
        return subprocess.CompletedProcess(words, code, stdout, stderr)


@cache
def warm() -> Warm:
    """The server of this process; it stays for other tests."""
    return Warm()


def _all_of(descriptor: int) -> str:
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        file.seek(0)
        return file.read().decode()


# -- the server


def main() -> None:
    """Fork until the orders end."""
    _import_everything()
    orders = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    gc.freeze()
    orders.send(b"+")
    while True:
        data, (*descriptors,), _, _ = socket.recv_fds(orders, MOST, 3)
        if not data:
            return
        if os.fork() == 0:
            orders.close()
            _die_with_parent()
            _keep(json.loads(data), *descriptors)
        for each in descriptors:
            os.close(each)


def _keep(order: dict[str, Any], stdout: int, stderr: int, told: int) -> None:
    """Fork the command line, and tell its process and its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(told)
        _become(order, stdout, stderr)
    os.write(told, b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(order: dict[str, Any], stdout: int, stderr: int) -> None:
    """Be the command line; ends the process."""
    _die_with_parent()
    vars(importlib.import_module("simulacra.launch"))["subprocess"] = _Forking
    _be(order["words"], order["environ"], order["cwd"], [order["cwd"]], stdout, stderr)


class _Forking:
    """What `simulacra.launch` needs of `subprocess`, with a node that is forked."""

    DEVNULL = subprocess.DEVNULL
    TimeoutExpired = subprocess.TimeoutExpired

    class Popen:
        def __init__(
            self, command: list[str], *, cwd: Path, env: dict[str, str], stdout: Any, **_: object
        ) -> None:
            words = command[command.index("simulacra") + 1 :]
            assert threading.active_count() == 1, "what forks has no other thread"
            sys.stdout.flush()
            self.pid = os.fork()
            if self.pid == 0:
                os.setsid()
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_DFL)
                _be(words, env, str(cwd), [], stdout.fileno(), stdout.fileno())
            self._code: int | None = None

        def poll(self) -> int | None:
            if self._code is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                self._code = os.waitstatus_to_exitcode(status) if pid else None
            return self._code

        def wait(self, timeout: float) -> int:
            deadline = time.monotonic() + timeout
            while (code := self.poll()) is None:
                if time.monotonic() > deadline:
                    raise subprocess.TimeoutExpired("simulacra up", timeout)
                time.sleep(0.001)
            return code

        def terminate(self) -> None:
            os.kill(self.pid, signal.SIGTERM)


def _be(
    words: Sequence[str],
    environ: Mapping[str, str],
    cwd: str,
    path: list[str],
    stdout: int,
    stderr: int,
) -> None:
    """Run the command line in this process, and end it."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, stdout), (2, stderr)):
        os.dup2(source, target)
    os.closerange(3, MOST_OPEN)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [*path, *filter(None, given), *_PATH]
    sys.argv = ["simulacra", *words]
    code: object = 1
    try:
        importlib.import_module("simulacra.cli.main").run()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _import_everything() -> None:
    for file in (ROOT / "simulacra" / "cli").glob("*.py"):
        importlib.import_module(f"simulacra.cli.{file.stem}")
    importlib.import_module("simulacra.actors.node_process")
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        for words in ("--version", "spawn --help"):  # these import yet more
            importlib.import_module("simulacra.cli.main").main(words.split())
    assert shown.getvalue()


if __name__ == "__main__":
    main()
