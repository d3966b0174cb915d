"""Copies of the master's journal on other hosts: who has how much, who gets what next.

A follower whose end is in the master's journal gets the entries after it. One whose end is not, but
whose records the master's cover, gets the whole journal. One that has records of its own is asked
for them
first: nothing is overwritten that is not merged. What is lost on the way is sent again.

New entries go to the successors at once. All others get them when they answer a beat, of which they
get one in turn: after a split each part knows what was wanted some seconds before, whoever is in
it.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.election import Candidate, ranked
from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.lattice import covers
from simulacra.actors.cluster.seat import Seat

AGAIN = 0.5
"""Seconds until what was sent counts as lost."""


@dataclass
class Follower:
    """What the master knows of another host.

    Attributes:
        candidate: as it said last.
        matched: up to which number it has the master's journal on disk; None when it has another.
        merged: whether the master's records cover its own.
        number: of the last beat that it answered; what comes with a lower one is old.
        sent: up to which number entries were sent.
        sent_at: since when an answer to what was sent is waited for.
    """

    candidate: Candidate
    matched: int | None = None
    merged: bool = False
    number: int = 0
    sent: int = 0
    sent_at: float = -AGAIN


class Followers:
    """All other hosts, as the master of an epoch knows them."""

    def __init__(self, seat: Seat, epoch: Epoch) -> None:
        self._seat = seat
        self._epoch = epoch
        self._all: dict[str, Follower] = {}
        self._chosen: tuple[str, ...] = ()
        self.extra: str | None = None

    def successors(self) -> tuple[str, ...]:
        """The hosts that get every beat and copies, the first in line first.

        Whoever is one stays one while it is in reach, unless the user's list says otherwise.
        """
        seat = self._seat
        others, succession = seat.others(), seat.succession()
        most = min(seat.timing.successors, len(others))
        order = [each.host for each in ranked(map(self._candidate, others), succession)]
        pinned = [host for host in order if host in succession]
        kept = [host for host in self._chosen if host in order and host not in pinned]
        rest = [host for host in order if host not in pinned and host not in kept]
        chosen = {*[*pinned, *kept, *rest][:most]}
        self._chosen = tuple(host for host in order if host in chosen)
        return self._chosen

    def _candidate(self, host: str) -> Candidate:
        known = self._all.get(host)
        return Candidate(host) if known is None else known.candidate

    def known(self, host: str) -> tuple[int | None, int]:
        """Up to which number a host has the journal, and the last beat that it answered."""
        known = self._all.get(host)
        return (None, 0) if known is None else (known.matched, known.number)

    def copies(self, seq: int) -> int:
        """On how many other disks an entry is known to be."""
        return sum(each.matched is not None and each.matched >= seq for each in self._all.values())

    def heard(self, host: str, heard: m.Heard, now: float) -> bool:
        """A host said what it has: send it what it lacks.

        Returns:
            Whether all its records are in the master's journal.
        """
        journal, seat = self._seat.journal, self._seat
        candidate = Candidate(host, heard.position[0], heard.standing)
        known = self._all.setdefault(host, Follower(candidate))
        if heard.number < known.number:
            return known.merged
        known.candidate, known.number = candidate, heard.number
        if journal.holds(heard.position):
            if known.matched is None or heard.position[0] > known.matched:
                known.sent_at = now
            known.matched, known.merged = heard.position[0], True
            self._append(host, known, now)
            return True
        known.matched = None
        known.merged = covers(journal.state.context, heard.context)
        if now - known.sent_at >= AGAIN:
            known.sent_at = now
            if not known.merged:
                seat.send(host, m.Ship(self._epoch))
            else:
                known.sent = journal.end[0]
                seat.send(host, m.Install(self._epoch, journal.snapshot()))
        return known.merged

    def forget(self, host: str) -> None:
        """A host is out of reach; what it has is learned again when it is back."""
        self._all.pop(host, None)

    def spread(self, now: float) -> None:
        """Send new entries to all that get copies."""
        for host, known in self._all.items():
            if known.matched is not None and (host in self._chosen or host == self.extra):
                self._append(host, known, now)

    def _append(self, host: str, known: Follower, now: float) -> None:
        journal, matched = self._seat.journal, known.matched or 0
        if known.sent <= matched or now - known.sent_at >= AGAIN:
            known.sent, known.sent_at = matched, now
        start = known.sent
        if start >= journal.end[0]:
            return
        if not journal.reaches(start):
            known.matched, known.sent_at = None, now
            self._seat.send(host, m.Install(self._epoch, journal.snapshot()))
            return
        entries = tuple(journal.after(start))
        known.sent = entries[-1].seq
        self._seat.send(host, m.Append(self._epoch, journal.position(start), entries))
