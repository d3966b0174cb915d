"""When the master is lost: who notices, who is asked, and who acts.

The master's successors hear it every second. One that has not heard it for 3 s, or whose membership
has lost it, asks all in reach (a canvass): does anybody hear it, and who could be the next? If
anyone hears it, nothing happens. Otherwise one witness is needed: another who should hear it and
does not, or membership, or that nobody else is in reach. The first in line acts, told by whoever
found out; one that does not act is passed over after a while. There is no quorum: each connected
part goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.election import Candidate, explain, ranked
from simulacra.actors.cluster.epochs import NO_EPOCH
from simulacra.actors.cluster.seat import Seat

_ROUNDS = 3
"""Rounds of beats that a host may miss that is no successor; it gets one a round."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """This host is to act as master.

    Attributes:
        why: for people.
        voters: who answered the canvass.
    """

    why: str
    voters: tuple[str, ...]


class Candidacy:
    """What one host knows of the life of its master, while it is not the master itself.

    Attributes:
        number: of the last beat that was heard.
        successors: the master's, as it said last.
    """

    def __init__(self, seat: Seat, now: float) -> None:
        self._seat = seat
        self._down: set[str] = set()
        self._ballots: dict[str, m.Ballot | None] | None = None
        self.number = 0
        self.reset(now)

    def reset(self, now: float) -> None:
        """There is another master: give it time to be heard, also if it was out of reach before."""
        self._down.discard(self._seat.epoch.host)
        self.number = 0
        self._heard_at = now
        self._heard = self._told = False
        self.successors: tuple[str, ...] = ()
        self._ballots = None
        self._passed_over: set[str] = set()
        self._next_try = now

    def beat(self, beat: m.Beat, now: float) -> None:
        """The master was heard, by a beat."""
        self.number = max(self.number, beat.number)
        self.successors = beat.successors
        self.heard(now)

    @property
    def _successor(self) -> bool:
        return self._seat.host in self.successors

    def heard(self, now: float) -> None:
        """The master was heard."""
        self._heard_at = now
        self._heard = True
        self._told = False
        self._ballots = None
        self._passed_over.clear()
        self._down.discard(self._seat.epoch.host)

    def nominated(self, now: float) -> None:
        """Somebody found the master lost, and this host the first in line."""
        if not self._hears(now):
            self._told = True
            self._next_try = now

    def member(self, host: str, *, up: bool) -> None:
        """Membership reaches a host, or has lost it."""
        (self._down.discard if up else self._down.add)(host)

    # -- what others ask

    def says(self, sender: str, now: float) -> bool | None:
        """Whether this host hears the master, for one who asks; None if it cannot say."""
        master = self._seat.epoch.host
        if master in {"", self._seat.host, sender} or master in self._down:
            return False
        if self._hears(now):
            return True
        return False if self._successor else None

    def _hears(self, now: float) -> bool:
        return self._heard and now - self._heard_at < self._seat.timing.suspect

    # -- what this host finds

    def _lost(self, now: float) -> str:
        """Why the master seems lost; empty while it does not."""
        seat, timing = self._seat, self._seat.timing
        master, silent = seat.epoch.host, now - self._heard_at
        if master in {"", seat.host}:
            waited = silent >= timing.settle or (not master and seat.is_alone())
            return "there was no master" if waited else ""
        if master in self._down:
            return f"{master} was lost"
        if self._told:
            return f"{master} was not heard by others"
        if silent >= self._longest_silence():
            return f"{master} was not heard for {silent:.0f} s"
        return ""

    def _longest_silence(self) -> float:
        """Seconds without a beat that this host takes for normal."""
        seat, timing = self._seat, self._seat.timing
        others = seat.reachable()
        if self._successor or seat.epoch.host not in others:
            return timing.suspect
        return max(timing.act_by, _ROUNDS * timing.beat * len(others) / timing.others)

    def deadline(self, now: float) -> float:
        """When to tick next."""
        timing = self._seat.timing
        if self._ballots is not None or self._lost(now):
            return max(self._next_try, now)
        due = self._heard_at + min(timing.suspect, timing.settle)
        return due if due > now else now + timing.beat

    def tick(self, now: float) -> Verdict | None:
        """Look whether the master is lost; give the verdict when this host is to act."""
        if now < self._next_try:
            return None
        if self._ballots is not None:
            return self._decide(now)
        if not self._lost(now):
            return None
        others = self._seat.others()
        self._ballots = dict.fromkeys(others)
        self._next_try = now + self._seat.timing.window
        for host in others:
            self._seat.send(host, m.Canvass(self._seat.epoch))
        return None if others else self._decide(now)

    def voted(self, sender: str, ballot: m.Ballot, now: float) -> Verdict | None:
        """Take a ballot; with the last one it is decided."""
        if self._ballots is None or sender not in self._ballots:
            return None
        self._ballots[sender] = ballot
        return None if None in self._ballots.values() else self._decide(now)

    def _decide(self, now: float) -> Verdict | None:
        cast = {host: each for host, each in (self._ballots or {}).items() if each is not None}
        self._ballots = None
        self._next_try = now + self._seat.timing.patience
        why = self._lost(now)
        if not why or any(ballot.hears for ballot in cast.values()):
            self._told = False
            return None
        if not self._is_certain(cast, now):
            return None
        return self._choose(cast, why)

    def _is_certain(self, cast: Mapping[str, m.Ballot], now: float) -> bool:
        master = self._seat.epoch.host
        return (
            self._seat.epoch == NO_EPOCH
            or master == self._seat.host
            or master in self._down
            or not cast
            or any(ballot.hears is False for ballot in cast.values())
            or now - self._heard_at >= self._seat.timing.act_by
        )

    def _choose(self, cast: Mapping[str, m.Ballot], why: str) -> Verdict | None:
        seat = self._seat
        candidates = [seat.candidate()]
        candidates += [
            Candidate(host, ballot.position[0], ballot.standing)
            for host, ballot in cast.items()
            if host not in self._passed_over
        ]
        succession = seat.succession()
        first = ranked(candidates, succession)[0].host
        if first == seat.host:
            return Verdict(f"{why}; {explain(candidates, succession)}", tuple(sorted(cast)))
        self._passed_over.add(first)
        seat.send(first, m.Nominate(seat.epoch))
        return None
