"""What happened in the network, as this host saw it: a log that people and programs follow.

Events are numbered from 1 and kept in the order in which they were noticed here; another host may
have noticed them in another order. The last `KEPT` are at hand; a file takes them all, one JSON
object a line, and takes turns with one older file of the same size. After a restart numbers go on
where the file ends. A follower that falls behind what is kept is told how many it missed.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from simulacra.actors.cluster.event_kinds import Kind

KEPT: Final = 1000
FILE_LIMIT: Final = 2**20

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        number: its place in this host's log, from 1.
        time: seconds since the epoch, by this host's clock.
        kind: one of `event_kinds`, or one of another version in a file that it wrote.
        host: the host that it is about; empty for the network as a whole.
        text: in words.
        detail: what programs want to know besides.
    """

    number: int
    time: float
    kind: str
    host: str
    text: str
    detail: dict[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """As plain data, for the gateway, for hooks and for the file."""
        return asdict(self)


class EventLog:
    """The log of one node; safe from any thread.

    Args:
        file: where it is kept; None keeps it in memory only.
        wall: this host's clock, seconds since the epoch.
        listener: called with each event after it is in the log, in the thread that added it.
    """

    def __init__(
        self,
        file: Path | None = None,
        *,
        wall: Callable[[], float] = time.time,
        listener: Callable[[Event], None] | None = None,
    ) -> None:
        self._file = file
        self._wall = wall
        self._listener = listener
        self._changed = threading.Condition()
        self._events: deque[Event] = deque(_read(file) if file else (), KEPT)
        self._last = self._events[-1].number if self._events else 0

    def add(self, kind: Kind, host: str, text: str, **detail: Any) -> Event:
        """Log what happened; a disk that takes no more costs the file's line, not the event."""
        with self._changed:
            self._last += 1
            event = Event(self._last, self._wall(), kind, host, text, detail)
            self._events.append(event)
            if self._file is not None:
                _append(self._file, event)
            self._changed.notify_all()
        logger.info("%s: %s", kind, text)
        if self._listener is not None:
            self._listener(event)
        return event

    def since(self, number: int, *, wait: float = 0.0) -> tuple[list[Event], int]:
        """The events after the one with ``number``, and how many of those are kept no more.

        Args:
            number: the last one that the caller has; 0 for none.
            wait: seconds to wait for one if there is none yet.
        """
        with self._changed:
            if wait > 0:
                self._changed.wait_for(lambda: self._last > number, wait)
            events = [event for event in self._events if event.number > number]
            first = events[0].number if events else self._last + 1
            return events, max(0, first - number - 1)


def _append(file: Path, event: Event) -> None:
    try:
        if file.exists() and file.stat().st_size > FILE_LIMIT:
            file.replace(_older(file))
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(json.dumps(event.to_plain(), default=str) + "\n")
    except OSError as error:
        logger.error("event %d is not in %s: %s", event.number, file, error)  # noqa: TRY400 - no bug


def _read(file: Path) -> list[Event]:
    """What the files hold; a line that was cut off by a crash is passed over."""
    events: list[Event] = []
    for each in (_older(file), file):
        if not each.exists():
            continue
        for line in each.read_text(errors="replace").splitlines():
            try:
                event = Event(**json.loads(line))
                events.append(replace(event, number=int(event.number), time=float(event.time)))
            except (ValueError, TypeError):
                logger.warning("%s holds a line that is no event: %.80r", each, line)
    return events


def _older(file: Path) -> Path:
    return file.with_name(f"{file.name}.1")
