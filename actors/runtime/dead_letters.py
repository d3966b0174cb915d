"""Dead letters: messages that nobody will handle, counted, the newest kept to be shown."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from simulacra.actors.runtime.refs import Ref

_KEPT = 100
_TEXT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that was not handled.

    Attributes:
        when: seconds since the epoch.
        to: whom it was for.
        text: how the message looks, cut short.
    """

    when: float
    to: Ref
    text: str


class DeadLetters:
    """The dead letters of one node; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._newest: deque[tuple[float, Ref, Any]] = deque(maxlen=_KEPT)

    @property
    def count(self) -> int:
        """How many there were since the node started."""
        return self._count

    def add(self, to: Ref, message: Any) -> None:
        """Count one."""
        with self._lock:
            self._count += 1
            self._newest.append((time.time(), to, message))

    def newest(self) -> list[DeadLetter]:
        """The last 100, oldest first."""
        with self._lock:
            letters = list(self._newest)
        return [DeadLetter(when, to, _shown(message)) for when, to, message in letters]


def _shown(message: Any) -> str:
    try:
        text = repr(message)
    except Exception as error:  # noqa: BLE001 - a __repr__ of the user's may do anything
        text = f"<{type(message).__qualname__}, whose repr failed: {type(error).__name__}>"
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"
