"""The target's side of moving a computation (rules: `moving`)."""

from collections.abc import Callable
from enum import Enum

from simulacra.actors.compute import moves as m
from simulacra.actors.compute import records as r
from simulacra.actors.compute.letters import Tick
from simulacra.actors.compute.moving import Patience, Repeating, why_not

ArrivalEvent = (
    m.Heard
    | m.Written
    | m.WriteFailed
    | m.Fetched
    | m.FetchFailed
    | m.Boot
    | m.HostLost
    | m.HostMet
    | Tick
)


class Arriving(Enum):
    """The states of `Arrival`."""

    ABSENT = "absent"
    FETCHING = "fetching"
    STORING = "storing"
    INERT = "inert"
    ACTIVATING = "activating"
    ACTIVE = "active"


class Arrival:
    """The target's side for one computation.

    Args:
        name: the computation.
        software: what this host runs computations with.
        standing: what the records on this host's disk come to.
        admit: why this host does not want what is offered, in a sentence, or None.
        patience: how long to wait for what.

    Attributes:
        state: see `moving`.
        epoch: the highest epoch that this host began to fetch or ran.
    """

    def __init__(
        self,
        name: str,
        software: m.Software,
        standing: r.Standing,
        admit: Callable[[m.Offer], str | None] = lambda _: None,
        patience: Patience | None = None,
    ) -> None:
        self.name = name
        self.state = Arriving.ABSENT
        self.epoch = standing.ran
        self._ran = standing.ran
        self._software = software
        self._admit = admit
        self._patience = patience or Patience()
        self._repeating = Repeating(self._patience)
        self._accepted = -1
        self._expected_until: float | None = None
        self._source = ""
        self._snapshot: object = None
        if standing.stored is not None:
            self.state, self.epoch = Arriving.INERT, standing.stored.epoch
            self._source, self._snapshot = standing.stored.source, standing.stored.snapshot
        elif standing.active is not None:
            self.state = Arriving.ACTIVE

    def deadline(self) -> float | None:
        """When to be stepped with `Tick`, in seconds; None for not at all."""
        dues = (self._repeating.due, self._expected_until)
        return min((due for due in dues if due is not None), default=None)

    def step(self, event: ArrivalEvent, now: float) -> list[m.Command]:
        """Take an event at a time in seconds; give what is to be done, in order."""
        match event:
            case m.Heard(host, message):
                return self._heard(host, message, now)
            case m.Fetched(epoch, snapshot) if self._is(Arriving.FETCHING, epoch):
                self.state, self._snapshot = Arriving.STORING, snapshot
                return [m.Write(self._stored())]
            case m.FetchFailed(epoch, reason) if self._is(Arriving.FETCHING, epoch):
                return self._fail(reason)
            case m.Written(record):
                return self._written(record, now)
            case m.WriteFailed(record, reason):
                return self._write_failed(record, reason)
            case m.Boot() if self.state is Arriving.INERT:
                return self._ask(now)
            case m.HostMet(host) if self.state is Arriving.INERT and host == self._source:
                return self._ask(now)
            case Tick():
                return self._tick(now)
        return []

    def _is(self, state: Arriving, epoch: int) -> bool:
        return self.state is state and self.epoch == epoch

    def _stored(self) -> r.Stored:
        return r.Stored(self.name, self.epoch, self._source, self._snapshot)

    def _tick(self, now: float) -> list[m.Command]:
        commands: list[m.Command] = []
        if self._expected_until is not None and self._expected_until <= now:
            commands += self._expect_no_more()
        if self._repeating.due is not None and self._repeating.due <= now:
            self._repeating.again(now, doubling=True)
            commands.append(m.Tell(self._source, m.InDoubt(self.name, self.epoch)))
        return commands

    def _heard(self, host: str, message: m.Message, now: float) -> list[m.Command]:
        match message:
            case m.Offer():
                return self._offered(host, message, now)
            case m.Install(epoch=epoch) if epoch > self.epoch:
                return self._install(host, message)
            case m.Install(epoch=epoch) if self._is(Arriving.INERT, epoch):
                return [m.Tell(host, m.Installed(self.name, epoch))]
            case m.Activate(epoch=epoch) if self._is(Arriving.INERT, epoch):
                self.state = Arriving.ACTIVATING
                self._repeating.stop()
                return [m.Write(r.Active(self.name, epoch))]
            case m.Activate(epoch=epoch) if epoch <= self._ran:
                return [m.Tell(host, m.Activated(self.name, epoch))]
            case m.Discard(epoch=epoch) if epoch == self.epoch:
                return self._discard()
            case m.Discard(epoch=epoch) if epoch == self._accepted:
                return self._expect_no_more()
        return []

    def _offered(self, host: str, offer: m.Offer, now: float) -> list[m.Command]:
        if offer.epoch <= self._ran:
            return []  # late: that epoch is over
        problem = why_not(offer.software, self._software, plain=offer.plain) or self._admit(offer)
        if problem is not None:
            return [m.Tell(host, m.Refused(self.name, offer.epoch, problem))]
        accepted = m.Tell(host, m.Accepted(self.name, offer.epoch, self._software))
        if self.epoch >= offer.epoch or self.state not in {Arriving.ABSENT, Arriving.ACTIVE}:
            return [accepted]  # it has come already, or what is ready for another attempt will do
        is_ready = self._expected_until is not None
        self._accepted = offer.epoch
        # Longer than that the source does not wait for its safe point.
        self._expected_until = now + self._patience.offer + self._patience.freeze
        return [accepted] if is_ready else [accepted, m.Expect()]

    def _expect_no_more(self) -> list[m.Command]:
        if self._expected_until is None:
            return []
        self._expected_until = None
        return [m.ExpectNoMore()]

    def _install(self, host: str, install: m.Install) -> list[m.Command]:
        dropped = self._discard()
        self.state, self.epoch, self._source = Arriving.FETCHING, install.epoch, host
        self._expected_until = None
        return [*dropped, m.Fetch(host, install.epoch, install.snapshot)]

    def _discard(self) -> list[m.Command]:
        if self.state not in {Arriving.FETCHING, Arriving.STORING, Arriving.INERT}:
            return []
        self.state = Arriving.ABSENT
        self._repeating.stop()
        return [m.Forget(self.epoch), m.Write(r.Dropped(self.name, self.epoch))]

    def _fail(self, reason: str) -> list[m.Command]:
        refused = m.Refused(self.name, self.epoch, reason)
        return [*self._discard(), m.Tell(self._source, refused)]

    def _written(self, record: r.Record, now: float) -> list[m.Command]:
        match record:
            case r.Stored(epoch=epoch) if self._is(Arriving.STORING, epoch):
                self.state = Arriving.INERT
                self._repeating.begin(now)
                return [m.Tell(self._source, m.Installed(self.name, epoch))]
            case r.Active(epoch=epoch) if self._is(Arriving.ACTIVATING, epoch):
                self.state, self._ran = Arriving.ACTIVE, epoch
                activated = m.Tell(self._source, m.Activated(self.name, epoch))
                return [m.Run(epoch, self._snapshot), activated]
        return []

    def _write_failed(self, record: r.Record, reason: str) -> list[m.Command]:
        match record:
            case r.Stored(epoch=epoch) if self._is(Arriving.STORING, epoch):
                return self._fail(reason)
            case r.Active(epoch=epoch) if self._is(Arriving.ACTIVATING, epoch):
                self.state = Arriving.INERT  # the source will say so again
        return []

    def _ask(self, now: float) -> list[m.Command]:
        self._repeating.begin(now)
        return [m.Tell(self._source, m.InDoubt(self.name, self.epoch))]
