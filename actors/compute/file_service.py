"""Files of other hosts, for computations that read before they move.

Every node has a `Files` actor, registered as ``files``: it answers what is there, and offers a
file's bytes as bulk. It never looks itself, for a dead mount holds whoever touches it for ever:
each question has a thread, at most four for each mount, and an answer, if only that there is none,
within four seconds. The mount of a path is read off the kernel's list, which touches no disk. Hosts
of one network trust one another: what the node's user may read, every computation may. The reading
side is `remote_files`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from simulacra.actors.compute.mounts import mount_above, parse
from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.bulk_server import BulkServer
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.timers import Timer
from simulacra.actors.runtime.wire_types import register
from simulacra.actors.threads import start_thread

FILES = "files"
LOOK_WITHIN: Final = 4.0
_QUESTIONS: Final = 256
_THREADS: Final = 4
_LIST_LIMIT: Final = 100_000
_WEIGH_LIMIT: Final = 20_000


@register("files.look")
@dataclass(frozen=True, slots=True)
class Look:
    """What is at a path? ``op`` is ``stat``, ``list``, ``open`` or ``weigh``."""

    op: str
    path: str


@dataclass(frozen=True, slots=True)
class _Looked:
    """A thread has looked: this came of it."""

    number: int
    value: Any
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Overdue:
    """It is time to answer a question that may still be looked into."""

    number: int


@dataclass(slots=True)
class _Question:
    look: Look
    mount: str
    reply: Reply
    timer: Timer


class Files(Actor):
    """Answers `Look`.

    A map for ``stat``, names for ``list``, a `Ticket` for ``open``, and for ``weigh`` the bytes and
    number of files at a path, in all its folders (the first 20,000 files). Errors are the operating
    system's; a TimeoutError where it is silent.

    Of 256 questions that wait the next is refused. A thread that never comes back stays one of the
    four of its mount, so that a dead mount costs four threads.

    Args:
        bulk: offers the files.
        within: seconds for an answer, fewer than askers wait.
    """

    def __init__(self, bulk: BulkServer, within: float = LOOK_WITHIN) -> None:
        self._bulk = bulk
        self._within = within
        self._numbers = count(1)
        self._open: dict[int, _Question] = {}
        self._waiting: deque[int] = deque()
        self._mounts: dict[int, str] = {}  # of the questions that threads look into

    def on_receive(self, message: Any) -> None:
        """Have a question looked into, and answer it when that is done or takes too long."""
        match message:
            case Look():
                self._ask(message)
            case _Looked(number, value, error):
                del self._mounts[number]
                self._answer(number, value, error)
                self._look_on()
            case _Overdue(number):
                self._give_up(number)
            case _:
                self.refuse(message)

    def _ask(self, look: Look) -> None:
        reply = self.defer_reply()
        if len(self._open) >= _QUESTIONS:
            reply.set_error(OSError(errno.EBUSY, "too many files are asked for; try again"))
            return
        number = next(self._numbers)
        timer = self.send_after(self._within, _Overdue(number))
        self._open[number] = _Question(look, mount_of(look.path), reply, timer)
        self._waiting.append(number)
        self._look_on()

    def _look_on(self) -> None:
        """Begin with what waits, in order, but for mounts all of whose threads are at work."""
        for number in list(self._waiting):
            question = self._open.get(number)
            if question is None:
                self._waiting.remove(number)
            elif list(self._mounts.values()).count(question.mount) < _THREADS:
                self._waiting.remove(number)
                self._start_looking(number, question)

    def _start_looking(self, number: int, question: _Question) -> None:
        self._mounts[number] = question.mount
        try:
            name = f"look@{self.system.name}"
            start_thread(self._look_in_thread, number, question.look, name=name)
        except OSError as error:
            del self._mounts[number]
            self._answer(number, None, error)

    def _look_in_thread(self, number: int, look: Look) -> None:
        try:
            looked = _Looked(number, self._look(look))
        except (OSError, ValueError) as error:  # the asker's mistake, not this actor's end
            looked = _Looked(number, None, error)
        self.ref.tell(looked)

    def _answer(self, number: int, value: Any, error: Exception | None) -> None:
        question = self._open.pop(number, None)
        if question is None:
            return  # too late
        question.timer.cancel()
        if error is None:
            question.reply.set(value)
        else:
            question.reply.set_error(error)

    def _give_up(self, number: int) -> None:
        question = self._open.get(number)
        if question is not None:
            error = TimeoutError(
                f"{question.look.path} gives no answer within {self._within:g} s: is what is"
                f" mounted at {question.mount} still there? See: findmnt {question.mount}"
            )
            self._answer(number, None, error)

    def _look(self, look: Look) -> Any:
        match look.op:
            case "stat":
                status = os.stat(look.path)  # noqa: PTH116 - paths are the asker's text
                directory = Path(look.path).is_dir()
                return {"size": status.st_size, "mtime": status.st_mtime, "is_dir": directory}
            case "list":
                names = sorted(os.listdir(look.path))  # noqa: PTH208
                if len(names) > _LIST_LIMIT:
                    raise OSError(f"{look.path} has over {_LIST_LIMIT} entries")
                return names
            case "open":
                descriptor = open_regular(look.path)
                try:
                    return self._bulk.offer(descriptor)
                finally:
                    os.close(descriptor)
            case "weigh":
                return _weigh(Path(look.path))
        raise OSError(f"no such operation on files: {look.op}")


def mount_of(path: str) -> str:
    """Where the file system of a path is mounted, by its text: no link is followed."""
    return mount_above(
        path, parse(Path("/proc/self/mountinfo").read_text(errors="surrogateescape"))
    )


def open_regular(path: str) -> int:
    """A descriptor of a file of bytes, for reading; the caller's to close.

    Raises:
        OSError: it cannot be opened, or is no such file.
    """
    # A pipe that nobody writes to must not hold up who opens it.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "only files of bytes can be read from elsewhere", path)


def _weigh(path: Path) -> tuple[int, int]:
    if not path.is_dir():
        return path.stat().st_size, 1
    size = files = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                size += Path(folder, name).lstat().st_size
            files += 1
        if files > _WEIGH_LIMIT:
            break
    return size, files
