"""The lanes to one peer: which of them an entry goes on, and whether it is sent at once.

Mail, answers and signals that keep their place go on the data lane, in order. A tell is left to the
flusher, so that several go into one frame; whatever somebody waits for is sent at once, and takes
along what waits before it. What overtakes mail goes on the control lane. Without lanes, as while
the peer is not dialed, nothing is sent. No lock: the owner guards it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Final

from simulacra.actors.runtime.codec import Buffer
from simulacra.actors.runtime.frames import Lane, pack_entry
from simulacra.actors.runtime.outbox import Outbox, Trouble

_DATA: Final = Lane.DATA  # reading it off the enum takes ten times as long
_CONTROL: Final = Lane.CONTROL


class Lanes:
    """See the module.

    Args:
        wants_flush: called when a tell was left for `flush`, once until then.
    """

    def __init__(self, wants_flush: Callable[[], None]) -> None:
        self._wants_flush = wants_flush
        self._flush_asked = False
        self._outboxes: dict[Lane, Outbox] = {}
        self._beats = cycle(Lane)

    def replace(self, outboxes: dict[Lane, Outbox]) -> dict[Lane, Outbox]:
        """Have others, or none, in their place; the old ones are the caller's to close."""
        old, self._outboxes = self._outboxes, outboxes
        return old

    def trouble(self) -> Trouble | None:
        """Why a lane is of no more use; None while both are."""
        found = (lane.trouble() for lane in self._outboxes.values())
        return next((each for each in found if each is not None), None)

    def say(self, frame: bytes) -> None:
        """Send a frame of its own on the control lane."""
        if self._outboxes:
            self._outboxes[_CONTROL].send(frame)

    def beat(self) -> None:
        """Send a sign of life, on the lanes in turn."""
        if self._outboxes:
            self._outboxes[next(self._beats)].beat()

    def put(self, entry: bytes, buffers: Sequence[Buffer], charge: int, *, at_once: bool) -> None:
        """Put an entry on the data lane.

        Args:
            entry: packed.
            buffers: what it refers to and goes along beside it.
            charge: the bytes that it took from the peer's window; 0 if it is exempt.
            at_once: whether somebody waits for what comes of it.
        """
        lane = self._outboxes[_DATA]
        if buffers:
            lane.flush()  # buffers are numbered within their frame
            lane.add(entry, charge)
            lane.flush(buffers)
        elif at_once:
            lane.add_now(entry, charge)
        elif lane.add(entry, charge):
            lane.flush()
        elif not self._flush_asked:
            self._flush_asked = True
            self._wants_flush()

    def put_ahead(self, entry: bytes) -> None:
        """Send a packed entry on the control lane, where it overtakes mail."""
        self._outboxes[_CONTROL].add_now(entry)

    def put_last(self, kind: int, number: int) -> None:
        """Send an entry on each lane, behind all that is on it; it says on which it came."""
        for lane, outbox in self._outboxes.items():
            outbox.add_now(pack_entry(kind, int(lane), number))

    def flush(self) -> None:
        """Send what waits."""
        self._flush_asked = False
        if self._outboxes:
            self._outboxes[_DATA].flush()
