"""The files that a node offers in bulk, each under a number that cannot be guessed (see `bulk`).

An offer keeps a duplicate of the file's descriptor, so that whoever offers may close its own, and
the file may be renamed or deleted meanwhile. It lapses when nobody has read from it for a time, and
there is room for a limited number: the one that was idle longest gives way to the next. Reading
goes by a duplicate again: an offer may be withdrawn at any moment.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from simulacra.actors.runtime.bulk import TICKET_SIZE

Parts = Sequence[Sequence[int]]
"""Offsets and lengths of what is offered of a file, in order."""

_MAX_OFFERS: Final = 256


@dataclass(slots=True)
class _Offer:
    """Parts of a file, given by offsets and lengths, that are offered as one sequence of bytes."""

    descriptor: int
    parts: Parts
    used: float = field(default_factory=time.monotonic)
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.starts = list(accumulate((length for _, length in self.parts), initial=0))

    @property
    def size(self) -> int:
        return self.starts[-1]

    def read_into(self, view: memoryview, descriptor: int, offset: int) -> int:
        """Read what is offered from an offset on; fewer bytes than wanted where the file ends."""
        done = 0
        for number in range(max(0, bisect_right(self.starts, offset) - 1), len(self.parts)):
            start, length = self.parts[number]
            skipped = offset + done - self.starts[number]
            wanted = view[done : done + length - skipped]
            while wanted and (read := os.preadv(descriptor, [wanted], start + skipped)):
                done, skipped, wanted = done + read, skipped + read, wanted[read:]
            if wanted or done == len(view):
                break
        return done


class Offers:
    """The files that a node offers, by the ids of their tickets; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offers: dict[bytes, _Offer] = {}

    def add(self, descriptor: int, parts: Parts | None = None) -> tuple[bytes, int]:
        """Offer a duplicate of a descriptor; the offer's id and its size in bytes.

        Raises:
            OSError: this process has no descriptor left.
        """
        if parts is None:
            parts = [(0, os.fstat(descriptor).st_size)]
        offer, ticket = _Offer(os.dup(descriptor), parts), secrets.token_bytes(TICKET_SIZE)
        with self._lock:
            if len(self._offers) >= _MAX_OFFERS:
                idle = min(self._offers, key=lambda each: self._offers[each].used)
                os.close(self._offers.pop(idle).descriptor)
            self._offers[ticket] = offer
        return ticket, offer.size

    def remove(self, ticket: bytes) -> None:
        """Offer it no more; no error where it is not offered."""
        with self._lock:
            offer = self._offers.pop(ticket, None)
        if offer is not None:
            os.close(offer.descriptor)

    def read_into(self, view: memoryview, ticket: bytes, offset: int) -> int | None:
        """Read from an offset on; None where it is not offered, fewer bytes where it is over.

        Raises:
            OSError: it cannot be read.
            OverflowError: no file has such an offset, though the offer says so.
        """
        with self._lock:
            offer = self._offers.get(ticket)
            if offer is None:
                return None
            offer.used = time.monotonic()
            descriptor = os.dup(offer.descriptor)  # `remove` may close the offer's own
        try:
            return offer.read_into(view, descriptor, offset)
        finally:
            os.close(descriptor)

    def expire(self, before: float) -> None:
        """Offer no more what was last used before a time of the monotonic clock."""
        with self._lock:
            idle = [ticket for ticket, offer in self._offers.items() if offer.used < before]
            for ticket in idle:
                os.close(self._offers.pop(ticket).descriptor)
