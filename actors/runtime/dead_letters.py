"""Dead letters: messages that nobody will handle, counted, the newest kept to be shown."""

from __future__ import annotations

import reprlib
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from simulacra.actors.runtime.refs import Ref
from simulacra.actors.tracing import Traced

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
        self._newest: deque[DeadLetter] = deque(maxlen=_KEPT)

    @property
    def count(self) -> int:
        """How many there were since the node started."""
        return self._count

    def add(self, to: Ref, message: Any) -> None:
        """Count one; of the message only its looks are kept."""
        bare = message.message if isinstance(message, Traced) else message
        letter = DeadLetter(time.time(), to, _shown(bare))
        with self._lock:
            self._count += 1
            self._newest.append(letter)

    def newest(self) -> list[DeadLetter]:
        """The last 100, oldest first."""
        with self._lock:
            return list(self._newest)


class _Short(reprlib.Repr):
    """A repr that looks only at the beginning of what is long, and never fails."""

    def __init__(self) -> None:
        super().__init__()
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = 20
        self.maxother = 2 * _TEXT_LIMIT

    def repr_str(self, x: str, level: int) -> str:
        del level
        return repr(x[:_TEXT_LIMIT])

    def repr_bytes(self, x: bytes, level: int) -> str:
        del level
        return repr(x[:_TEXT_LIMIT])


_short = _Short()


def _shown(message: Any) -> str:
    text = _short.repr(message)
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"
