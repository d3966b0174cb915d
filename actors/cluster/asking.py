"""A host's own requests to the master, wherever it is: tried again until one answer or the end.

A request goes to the host of the highest epoch known, again after a while with the same id, and at
once when the focus changes. The first answer counts. What runs out of time may have been done.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.epochs import NO_EPOCH
from simulacra.actors.cluster.seat import Seat

LONGEST_PATIENCE = 60.0
_SLOWER = 1.5
_SLOWEST = 2.0


@dataclass
class _Open:
    event: m.Request
    due: float
    next_try: float
    pause: float


class Asking:
    """The requests of one host that wait for an answer."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._open: dict[str, _Open] = {}

    def begin(self, event: m.Request, now: float) -> None:
        """Take a new request; one whose id is open already is the same."""
        if event.request in self._open:
            return
        if len(self._open) >= self._seat.timing.asked:
            why = f"{len(self._open)} requests wait for the master already; try again later"
            self._seat.commands.append(m.GaveUp(event.request, why))
            return
        due = now + min(event.patience, LONGEST_PATIENCE)
        self._open[event.request] = _Open(event, due, now, self._seat.timing.retry)
        self.tick(now)

    def answered(self, answer: m.Answer) -> None:
        """Take an answer; all but the first are dropped."""
        if self._open.pop(answer.request, None) is not None:
            self._seat.commands.append(m.Answered(answer.request, answer))

    def turn(self, now: float) -> None:
        """The focus has changed: try all again at once."""
        for each in self._open.values():
            each.next_try, each.pause = now, self._seat.timing.retry

    def deadline(self) -> float | None:
        """When to tick next."""
        return min((min(each.due, each.next_try) for each in self._open.values()), default=None)

    def tick(self, now: float) -> None:
        """Try again what is due; give up what took too long."""
        for request, each in list(self._open.items()):
            if now >= each.due:
                del self._open[request]
                self._seat.commands.append(m.GaveUp(request, self._why()))
            elif now >= each.next_try:
                each.next_try = now + each.pause
                each.pause = min(each.pause * _SLOWER, _SLOWEST)
                self._send(each.event)

    def _send(self, event: m.Request) -> None:
        epoch = self._seat.epoch
        if epoch != NO_EPOCH:
            self._seat.send(epoch.host, m.Ask(event.request, event.kind, event.body, epoch))

    def _why(self) -> str:
        epoch = self._seat.epoch
        if epoch == NO_EPOCH:
            return "no master is known yet; see who is there: simulacra status"
        return (
            f"the master {epoch.host} gave no answer in time; it may have been done or not: "
            "see simulacra focus"
        )
