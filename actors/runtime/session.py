"""The session between two nodes, as a pure state machine: events and the time in, commands out.

A *session* is one node's numbered way of sending to a peer: a pair of lanes and the sequence
numbers on them. It is *up* when each side knows that the other knows its session::

    GREETING --hello that echoes our session, or a frame from theirs--> UP
    UP --silence, gap, another session of theirs, failure--> GREETING, with the next session
    GREETING --no answer in time--> GREETING, with the next session
    any --a lane turned away or broken--> GREETING after a rest, or as soon as they greet
    UP --both agree to rest (parting.py)--> RESTING
    RESTING --something is for them, or they greet--> GREETING, with the next session

Every way into GREETING starts a session with a new number on new connections, so a frame of an
earlier one can never pass for one of the present. A hello that tells a session not known before is
answered by a hello; so two nodes that greet at the same time agree in one round trip.

On each lane frames are numbered. What was there before is dropped, and what is missing ends the
session: an order kept, each message at most once, a loss never hidden.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from simulacra.actors.runtime.frames import Lane, SessionId

NOBODY: SessionId = (0, 0)


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient a node is, in seconds.

    Attributes:
        heartbeat: between two signs of life.
        lost: the silence after which a peer counts as lost.
        greeting: how long a greeting waits for its answer before it starts again.
        rest: the rest after a failure, doubled up to ``longest_rest`` while they follow closely.
        longest_rest: the longest such rest.
    """

    heartbeat: float = 1.0
    lost: float = 4.0
    greeting: float = 4.0
    rest: float = 0.5
    longest_rest: float = 30.0


class State(Enum):
    """Where a session stands."""

    GREETING = "greeting"
    UP = "up"
    RESTING = "resting"


_UP: Final = State.UP  # reading it off the enum takes ten times as long


@dataclass(frozen=True, slots=True)
class Dial:
    """Open new lanes and say hello on both, with the machine's present session."""


@dataclass(frozen=True, slots=True)
class Greet:
    """Say hello on the control lane: it echoes what is known now."""


@dataclass(frozen=True, slots=True)
class Up:
    """Mail may be sent."""


@dataclass(frozen=True, slots=True)
class Down:
    """The session that was up is over; what was in flight is lost."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """Handle a frame's entries from the one with index ``skip`` on."""

    skip: int


@dataclass(frozen=True, slots=True)
class Beat:
    """Send a sign of life, on the lanes in turn."""


Command = Dial | Greet | Up | Down | Deliver | Beat

DELIVER_ALL: Final[list[Command]] = [Deliver(0)]  # made once: it answers nearly every frame


@dataclass(slots=True)
class Counters:
    """What a session counted, over all its numbers."""

    duplicates: int = 0
    stale: int = 0
    lost: int = 0
    downs: int = 0


@dataclass(slots=True)
class Session:
    """This node's session with one peer.

    Attributes:
        incarnation: this node's.
        timing: how patient to be.
        number: the present session's number; with the incarnation its id.
        theirs: the peer's session, `NOBODY` if it is not known.
    """

    incarnation: int
    timing: Timing = field(default_factory=Timing)
    state: State = State.GREETING
    number: int = 0
    theirs: SessionId = NOBODY
    counters: Counters = field(default_factory=Counters)
    _newest: SessionId = NOBODY
    _over: SessionId = NOBODY
    _expected: dict[Lane, int] = field(default_factory=dict)
    _heard: float = 0.0
    _since: float = 0.0
    _beaten: float = 0.0
    _ticked: float = 0.0
    _dial_at: float | None = None
    _rest: float = 0.0
    _cut: str = ""

    @property
    def id(self) -> SessionId:
        """The present session, as hellos tell it."""
        return self.incarnation, self.number

    @property
    def awaited(self) -> SessionId:
        """Theirs of which only the data lane greeted since this side rests; `NOBODY` if none."""
        return NOBODY if self._newest == self._over else self._newest

    def start(self, now: float) -> list[Command]:
        """Begin to greet."""
        self._ticked = now
        return self._dial(now)

    def hello(self, theirs: SessionId, echo: SessionId, now: float) -> list[Command]:
        """A hello came on the control lane."""
        if not self.hears_of(theirs):
            return []
        commands: list[Command] = []
        news = theirs != self.theirs
        if news:
            if self.state is State.UP:
                again = "its process was started anew", "it lost the connection"
                commands += self._down(again[theirs[0] == self.theirs[0]], now)
                commands += self._dial(now)
            elif self._dial_at is not None or self.state is State.RESTING:
                commands += self._dial(now)
            self.theirs = theirs
            self._expected = {Lane.CONTROL: 1, Lane.DATA: 1}
        self._heard = now
        if echo == self.id:
            commands += self._up(now)
        if news:
            commands.append(Greet())
        return commands

    def hears_of(self, theirs: SessionId) -> bool:
        """A hello came on either lane; False if it is of a session that is over.

        It is if its process has begun a later one before, or this node rested from it.

        The lanes are connections of their own: a later session's data lane may be heard of before
        an earlier one's control lane.
        """
        older = theirs[0] == self._newest[0] and theirs[1] < self._newest[1]
        if older or theirs == self._over:
            self.counters.stale += 1
            return False
        self._newest = theirs
        return True

    def frame(
        self, lane: Lane, theirs: SessionId, first: int, count: int, now: float
    ) -> list[Command]:
        """A frame of numbered entries came from a session of theirs."""
        if theirs != self.theirs:
            self.counters.stale += count
            return []
        self._heard = now
        if first == self._expected[lane] and self.state is _UP:
            self._expected[lane] += count
            return DELIVER_ALL if count else []
        commands = self._up(now)  # they send only when they know our session
        skip = self._expected[lane] - first
        if skip < 0:
            self.counters.lost -= skip
            return commands + self.fail(f"{-skip} messages were lost on the way", now)
        self.counters.duplicates += min(skip, count)
        self._expected[lane] = max(first + count, self._expected[lane])
        if skip < count:
            commands.append(Deliver(skip))
        return commands

    def tick(self, now: float) -> list[Command]:
        """Time has passed; called several times a heartbeat."""
        slept = now - self._ticked > self.timing.lost / 2
        self._ticked = now
        if slept:  # who was stopped himself judges nobody: what was sent meanwhile waits to be read
            self._heard = self._since = now
        if self._cut:
            return self._down(self._cut, now)
        if self.state is State.UP:
            return self._tick_up(now)
        if self.state is State.RESTING:
            return []
        if self._dial_at is not None:
            return self._dial(now) if now >= self._dial_at else []
        return self._dial(now) if now - self._since >= self.timing.greeting else []

    def _tick_up(self, now: float) -> list[Command]:
        if now - self._heard > self.timing.lost:
            # The network's doing, not the peer's: no longer rest, however often it happens.
            commands = self._down(f"it was silent for {now - self._heard:.1f} s", now)
            self._dial_at = now + self.timing.rest
            return commands
        if now - self._beaten >= self.timing.heartbeat:
            self._beaten = now
            return [Beat()]
        return []

    def cut_off(self, reason: str, now: float) -> None:
        """A lane of ours is of no more use, whatever the other still carries: dial anew.

        Their door turned it away, perhaps as it did not admit this node yet; or its connection
        broke, and what comes by a new one they take for a stranger's. A session that is up ends at
        the next tick: what they said before, a goodbye perhaps, may still have to be read.
        """
        if self._dial_at is None:
            self._dial_at = now + self.timing.rest
        if self.state is State.UP:
            self._cut = reason
        else:  # an answer to the greeting would connect nobody: there is no lane to send by
            self._down(reason, now)

    def rest(self, now: float) -> None:
        """End the session that is up in peace; nobody is greeted until `wake`."""
        self.state, self._since = State.RESTING, now
        self._over, self.theirs = self.theirs, NOBODY
        self._dial_at, self._cut = None, ""

    def wake(self, now: float) -> list[Command]:
        """Something is for the peer: greet it, if this side rests."""
        return self._dial(now) if self.state is State.RESTING else []

    def fail(self, reason: str, now: float, *, rest: float | None = None) -> list[Command]:
        """End the session; greet again after a rest (``rest`` seconds, if given)."""
        if self.state is State.RESTING:
            return []
        if now - self._since > self.timing.longest_rest:
            self._rest = 0.0
        self._rest = min(max(2 * self._rest, self.timing.rest), self.timing.longest_rest)
        commands = self._down(reason, now)
        self._dial_at = now + (self._rest if rest is None else rest)
        return commands

    def _down(self, reason: str, now: float) -> list[Command]:
        was_up = self.state is State.UP
        self.state = State.GREETING
        self.theirs = NOBODY
        self._since = now
        self._cut = ""
        if not was_up:
            return []
        self.counters.downs += 1
        return [Down(reason)]

    def _dial(self, now: float) -> list[Command]:
        self.state = State.GREETING
        self.number += 1
        self.theirs = NOBODY
        self._since = now
        self._dial_at = None
        return [Dial()]

    def _up(self, now: float) -> list[Command]:
        if self.state is State.UP:
            return []
        self.state = State.UP
        self._since = self._beaten = now
        return [Up()]
