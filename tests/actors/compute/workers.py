"""A worker under test: what it says is queued, and everything that waits has a deadline."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from simulacra.actors.compute.channel import memfd
from simulacra.actors.compute.messages import Checkpoint, Frozen, Mail, Result, ToNode
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.process import WorkerProcess, wants_terminal
from simulacra.actors.compute.spec import Script, Spec
from simulacra.actors.compute.values import pack, unpack_plain
from simulacra.actors.runtime.reason import ExitReason

TIMEOUT = 60.0
M = TypeVar("M")


def script(source: str, **options: object) -> Spec:
    return Spec(Script("/none/script.py", source), **options)  # type: ignore[arg-type]


class Worker:
    """A `WorkerProcess` whose messages and end can be waited for."""

    def __init__(self, spec: Spec, folder: Path, snapshot: int | None = None) -> None:
        self.messages: queue.Queue[ToNode | ExitReason] = queue.Queue()
        self.seen: list[ToNode | ExitReason] = []
        self.log = OutputLog(folder / "log", spec.limits.output)
        try:
            self.process = WorkerProcess(
                folder=folder / "work",
                log=self.log,
                on_message=self.messages.put,
                on_exit=self.messages.put,
                terminal=wants_terminal(spec),
            )
            self.process.begin(spec, name="job", host="here", snapshot=snapshot)
        except BaseException:
            self.log.close()
            raise

    def expect(self, kind: type[M], timeout: float = TIMEOUT) -> M:
        """The next message of a kind; those before it are kept in `seen`."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                message = self.messages.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {kind.__name__}; seen: {self.seen}") from None
            self.seen.append(message)
            if isinstance(message, kind):
                return message

    def end(self) -> ExitReason:
        """Its exit reason."""
        reason = self.expect(ExitReason)
        assert self.process.join(TIMEOUT)
        return reason

    def close(self) -> None:
        self.process.kill()
        assert self.process.join(TIMEOUT)
        self.log.close()
        while not self.messages.empty():
            self.seen.append(self.messages.get())
        for message in self.seen:
            if isinstance(message, Checkpoint | Frozen) and message.fd is not None:
                os.close(message.fd)


def travelled(frozen: Frozen) -> int:
    """A descriptor of the snapshot that a frozen worker handed out, as its next one gets it."""
    assert frozen.fd is not None
    parts = [os.pread(frozen.fd, length, start) for start, length in frozen.extents]
    assert sum(map(len, parts)) == frozen.size
    return memfd(b"".join(parts))


def eventually(check: Callable[[], bool], timeout: float = TIMEOUT) -> None:
    """Wait until ``check`` holds."""
    deadline = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < deadline, f"never: {check}"
        time.sleep(0.01)


def is_reaped(pid: int) -> bool:
    """Whether a process has ended and was reaped, by whoever started it."""
    return not psutil.pid_exists(pid)


def value(worker: Worker) -> object:
    """What the computation returned."""
    return unpack_plain(worker.expect(Result).value)


def mail(n: int, body: object, ask: str | None = None) -> Mail:
    return Mail(n, "somebody@here", pack(body), ask)
