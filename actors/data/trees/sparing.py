"""When bytes of a tree are not fetched now: over a metered line, on a low battery, above a rate.

Up to `BIG` bytes of a file are fetched at any time, so that text and settings follow everywhere.
What is bigger waits while this host's line is metered, or that of every host that may have it, or
while its battery is low; unless the user says that it is to come anyway.

What has a rate is asked for in portions of half a second's worth, so that the line sees the rate
and not a burst that is paid for afterwards.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from simulacra.actors.data.trees.asking import MOST, MissingError, Take

BIG: Final = 8 << 20
"""Bytes that are fetched in any case."""
SMALLEST: Final = 64 << 10
LARGEST: Final = 64 << 20
"""Bytes that are asked for at a time, at any rate."""
_SECONDS: Final = 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Line:
    """How this host is connected now.

    Attributes:
        metered: whether what goes over its line is paid for.
        metered_hosts: the other hosts of which that is so.
        low_battery: whether it runs on a battery that is nearly empty.
    """

    metered: bool = False
    metered_hosts: Collection[str] = frozenset()
    low_battery: bool = False


def why_wait(size: int, line: Line, hosts: Collection[str]) -> str | None:
    """Why so many bytes of a file are not to be fetched now; None if they are.

    Args:
        size: the bytes.
        line: how this host is connected.
        hosts: those that may have them.
    """
    if size <= BIG:
        return None
    if line.metered:
        return "this line is metered"
    if hosts and all(host in line.metered_hosts for host in hosts):
        return f"the line of {', '.join(sorted(hosts))} is metered"
    if line.low_battery:
        return "the battery is low"
    return None


class Bucket:
    """A token bucket: so many bytes a second on average, and one second's worth at once.

    Args:
        rate: bytes a second; None for any.
    """

    def __init__(self, rate: int | None) -> None:
        self._rate = rate
        self._free_at = 0.0

    def take(self, size: int, now: float) -> float:
        """For how many seconds to wait before so many bytes are fetched.

        Args:
            size: bytes; more than a second's worth are let through at once, and waited for after.
            now: the time, seconds.
        """
        if self._rate is None:
            return 0.0
        waits = max(0.0, self._free_at - now)
        self._free_at = max(self._free_at, now - 1.0) + size / self._rate
        return waits


def portion(rate: int | None) -> int:
    """How many bytes to ask for at a time, at so many a second."""
    return LARGEST if rate is None else max(SMALLEST, min(LARGEST, int(rate * _SECONDS)))


class Sparing:
    """How the bytes of one tree are fetched; safe from any thread.

    Args:
        tree: what the tree is called.
        rate: bytes a second; None for any.
        line: how this host is connected now.
        hosts: the hosts that may have what is wanted, now.

    Attributes:
        portion: bytes that are asked for at a time.
        anyway: whether the user wants what would wait.
    """

    def __init__(
        self,
        tree: str = "",
        rate: int | None = None,
        line: Callable[[], Line] = Line,
        hosts: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self.portion: Final = portion(rate)
        self.anyway = False
        self._tree = tree
        self._line = line
        self._hosts = hosts
        self._lock = threading.Lock()
        self._bucket = Bucket(rate)
        self._halted = threading.Event()

    def why_wait(self, size: int) -> str | None:
        """Why so many bytes of a file wait, and what to type; None if they do not."""
        why = None if self.anyway else why_wait(size, self._line(), self._hosts())
        if why is None:
            return None
        return f"{why}; have it now: simulacra tree sync {self._tree} --anyway"

    def halt(self) -> None:
        """Fetch nothing more, until `go_on`."""
        self._halted.set()

    def go_on(self) -> None:
        """Fetch again."""
        self._halted.clear()

    @property
    def is_halted(self) -> bool:
        """Whether nothing more is to be fetched."""
        return self._halted.is_set()

    def checking(self, take: Take) -> Take:
        """What takes what comes, and raises MissingError once nothing more is to be fetched."""

        def checking(offset: int, data: memoryview) -> None:
            self._check()
            take(offset, data)

        return checking

    def portions(self, items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
        """What to ask for one after the other; each portion is given when its time has come.

        Args:
            items: what is wanted.
            size: the bytes of one.

        Raises:
            MissingError: nothing more is to be fetched.
        """
        some: list[T] = []
        waiting = 0
        for each in items:
            if some and (waiting + size(each) > self.portion or len(some) >= MOST):
                self._wait(waiting)
                yield some
                some, waiting = [], 0
            some.append(each)
            waiting += size(each)
        if some:
            self._wait(waiting)
            yield some

    def _wait(self, size: int) -> None:
        with self._lock:
            seconds = self._bucket.take(size, time.monotonic())
        self._halted.wait(seconds)
        self._check()

    def _check(self) -> None:
        if self._halted.is_set():
            raise MissingError("it is not fetched now: the tree is paused, or closed")


FREELY: Final = Sparing()
"""Nothing waits, and there is no rate."""
