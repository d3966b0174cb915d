"""The source's side of moving a computation, and where it stays meanwhile (rules: `moving`)."""

from enum import Enum

from simulacra.actors.compute import moves as m
from simulacra.actors.compute import records as r
from simulacra.actors.compute.letters import Tick
from simulacra.actors.compute.moving import Patience, Repeating, why_not

DepartureEvent = (
    m.Boot
    | m.Began
    | m.Depart
    | m.Heard
    | m.Written
    | m.WriteFailed
    | m.Frozen
    | m.FreezeFailed
    | m.Ended
    | m.HostLost
    | m.HostMet
    | Tick
)


class Leaving(Enum):
    """The states of `Departure`."""

    ABSENT = "absent"
    RUNNING = "running"
    ATTEMPTING = "attempting"
    OFFERING = "offering"
    FREEZING = "freezing"
    INSTALLING = "installing"
    COMMITTING = "committing"
    ACTIVATING = "activating"
    LEFT = "left"


_WAITING = frozenset({Leaving.OFFERING, Leaving.FREEZING, Leaving.INSTALLING})


class Departure:
    """The source's side for one computation; also where it runs and is not about to move.

    Args:
        name: the computation.
        host: this host.
        software: what this host runs computations with.
        standing: what the records on this host's disk come to.
        patience: how long to wait for what.

    Attributes:
        state: see `moving`.
        epoch: the epoch in which it runs here, or last ran; -1 for never.
        attempt: the epoch of the last attempt to move it, or `epoch`.
        target: where it goes or went, or was last tried to go.
    """

    def __init__(
        self,
        name: str,
        host: str,
        software: m.Software,
        standing: r.Standing,
        patience: Patience | None = None,
    ) -> None:
        self.name = name
        self.state = Leaving.ABSENT
        self.epoch = standing.ran
        self.target = ""
        self._host = host
        self._software = software
        self._patience = patience or Patience()
        self._tried = standing.tried
        self.attempt = standing.tried.epoch if standing.tried else self.epoch
        self._snapshot = standing.snapshot
        self._offer = m.Depart("")
        self._target_software = software
        self._install: m.Install | None = None
        self._give_up: float | None = None
        self._repeating = Repeating(self._patience)
        if standing.committed is not None:
            self.state = Leaving.LEFT if standing.left else Leaving.ACTIVATING
            self.target, self.attempt = standing.committed.target, standing.committed.epoch
        elif standing.active is not None:
            self.state = Leaving.RUNNING

    def deadline(self) -> float | None:
        """When to be stepped with `Tick`, in seconds; None for not at all."""
        return min((t for t in (self._give_up, self._repeating.due) if t is not None), default=None)

    def step(  # noqa: C901 - a table of events
        self, event: DepartureEvent, now: float
    ) -> list[m.Command]:
        """Take an event at a time in seconds; give what is to be done, in order."""
        match event:
            case m.Boot():
                return self._boot(now)
            case m.Began(epoch):
                self.state, self.epoch, self.attempt = Leaving.RUNNING, epoch, epoch
                self._repeating.stop()  # whoever gave it back did run it
            case m.Depart():
                return self._depart(event)
            case m.Heard(host, message):
                return self._heard(host, message, now)
            case m.Written(record):
                return self._written(record, now)
            case m.WriteFailed(record, reason):
                return self._write_failed(record, reason)
            case m.Frozen():
                return self._frozen(event, now)
            case m.FreezeFailed(reason) if self.state is Leaving.FREEZING:
                return self._abort(reason)
            case m.Ended():
                return self._ended()
            case m.HostLost(host) if host == self.target and self.state in _WAITING:
                return self._abort(f"the connection to {host} was lost")
            case m.HostMet(host) if host == self.target and self.state is Leaving.ACTIVATING:
                self._repeating.begin(now)
                return [m.Tell(self.target, m.Activate(self.name, self.attempt))]
            case Tick():
                return self._tick(now)
        return []

    def _boot(self, now: float) -> list[m.Command]:
        if self.state is Leaving.RUNNING:
            dead = self._tried
            discard = m.Discard(self.name, self.attempt)
            return [
                m.Run(self.epoch, self._snapshot),
                *([m.Tell(dead.target, discard)] if dead else []),
            ]
        if self.state is Leaving.ACTIVATING:
            return self._activate(now)
        if self.state is Leaving.LEFT:
            return [m.LeaveStub(self.target, self.attempt)]
        return []

    def _depart(self, depart: m.Depart) -> list[m.Command]:
        if self.state is not Leaving.RUNNING:
            reason = f"it is {self.state.value} here; try again when that is over"
            return [m.MoveFailed(depart.target, reason)]
        if depart.target == self._host:
            return [m.MoveFailed(depart.target, "it is there already")]
        self.state, self.target, self._offer = Leaving.ATTEMPTING, depart.target, depart
        self.attempt += 1
        return [m.Write(r.Attempted(self.name, self.attempt, self.target))]

    def _heard(self, host: str, message: m.Message, now: float) -> list[m.Command]:
        if isinstance(message, m.InDoubt):
            return self._decide(host, message.epoch)
        if host != self.target or message.epoch != self.attempt:
            return []
        match self.state, message:
            case Leaving.OFFERING, m.Accepted():
                return self._accepted(message, now)
            case ((Leaving.OFFERING | Leaving.FREEZING | Leaving.INSTALLING), m.Refused()):
                return self._abort(message.reason)
            case Leaving.INSTALLING, m.Installed():
                self.state, self._give_up = Leaving.COMMITTING, None
                self._repeating.stop()
                return [m.Write(r.Committed(self.name, self.attempt, self.target))]
            case Leaving.ACTIVATING, m.Activated():
                self.state = Leaving.LEFT
                self._repeating.stop()
                left = r.Left(self.name, self.attempt)
                return [m.Write(left), m.MoveDone(self.target, self.attempt)]
        return []

    def _decide(self, host: str, epoch: int) -> list[m.Command]:
        ours = host == self.target and epoch == self.attempt
        if ours and self.state in {Leaving.ACTIVATING, Leaving.LEFT}:
            return [m.Tell(host, m.Activate(self.name, epoch))]
        if ours and self.state is not Leaving.RUNNING:
            return []
        if self.epoch < 0:
            return []  # the records are lost: what was committed cannot be known
        return [m.Tell(host, m.Discard(self.name, epoch))]

    def _accepted(self, message: m.Accepted, now: float) -> list[m.Command]:
        self._target_software = message.software
        self.state, self._give_up = Leaving.FREEZING, now + self._patience.freeze
        self._repeating.stop()
        return [m.Freeze()]

    def _written(self, record: r.Record, now: float) -> list[m.Command]:
        if record == r.Attempted(self.name, self.attempt, self.target) and (
            self.state is Leaving.ATTEMPTING
        ):
            self.state, self._give_up = Leaving.OFFERING, now + self._patience.offer
            self._repeating.begin(now)
            return [m.Tell(self.target, self._first_message())]
        if isinstance(record, r.Committed) and self.state is Leaving.COMMITTING:
            self.state = Leaving.ACTIVATING
            return self._activate(now)
        return []

    def _first_message(self) -> m.Offer:
        plain, size = self._offer.plain, self._offer.size
        return m.Offer(self.name, self.attempt, self._software, plain, size)

    def _write_failed(self, record: r.Record, reason: str) -> list[m.Command]:
        if isinstance(record, r.Attempted) and self.state is Leaving.ATTEMPTING:
            return self._abort(reason)
        if isinstance(record, r.Committed) and self.state is Leaving.COMMITTING:
            return self._abort(reason)
        return []

    def _frozen(self, frozen: m.Frozen, now: float) -> list[m.Command]:
        if self.state is not Leaving.FREEZING:
            return [m.Resume()]  # the attempt was given up before the safe point came
        problem = why_not(self._software, self._target_software, plain=frozen.plain)
        if problem is not None:
            return self._abort(problem)
        self.state = Leaving.INSTALLING
        self._give_up = now + self._patience.install + frozen.size / self._patience.slowest
        self._install = m.Install(self.name, self.attempt, frozen.snapshot)
        self._repeating.begin(now)
        return [m.Tell(self.target, self._install)]

    def _activate(self, now: float) -> list[m.Command]:
        self._repeating.begin(now)
        activate = m.Tell(self.target, m.Activate(self.name, self.attempt))
        return [m.LeaveStub(self.target, self.attempt), activate]

    def _abort(self, reason: str) -> list[m.Command]:
        stopped = self.state in {Leaving.FREEZING, Leaving.INSTALLING, Leaving.COMMITTING}
        self.state, self._give_up = Leaving.RUNNING, None
        self._repeating.stop()
        return [
            *([m.Resume()] if stopped else []),
            m.Tell(self.target, m.Discard(self.name, self.attempt)),
            m.MoveFailed(self.target, reason),
        ]

    def _ended(self) -> list[m.Command]:
        if self.state not in {Leaving.ATTEMPTING, Leaving.OFFERING, Leaving.FREEZING}:
            return []
        return [c for c in self._abort("it has ended") if not isinstance(c, m.Resume)]

    def _tick(self, now: float) -> list[m.Command]:
        if self._give_up is not None and now >= self._give_up:
            return self._abort(f"no answer while {self.state.value}; is {self.target} reachable?")
        if self._repeating.due is None or now < self._repeating.due:
            return []
        self._repeating.again(now, doubling=self.state is Leaving.ACTIVATING)
        if self.state is Leaving.OFFERING:
            return [m.Tell(self.target, self._first_message())]
        if self.state is Leaving.INSTALLING and self._install is not None:
            return [m.Tell(self.target, self._install)]
        return [m.Tell(self.target, m.Activate(self.name, self.attempt))]
