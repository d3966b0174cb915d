"""The focus of one host, as a state machine: is it the master, does it follow one, is one lost?

- Whatever comes with a higher epoch than was seen raises the epoch on this host's disk first; if
  this host was the master, it is so no more. What comes with a lower one is answered with the
  higher.
- The epoch names its master. A host that is started again never goes on as master: it follows, or
  takes a new epoch.
- After a takeover (see `candidacy`) the records begin with a FORK; after a grant (see `handover`)
  with the former master's HANDOFF.

Two masters that come into contact so become one: the one of the lower epoch yields, follows, and
gives the other its records.
"""

from __future__ import annotations

from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.asking import Asking
from simulacra.actors.cluster.candidacy import Candidacy, Verdict
from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.forks import fork_body
from simulacra.actors.cluster.lattice import covers
from simulacra.actors.cluster.reign import Reign
from simulacra.actors.cluster.seat import Seat


class Mastership:
    """See the module.

    Args:
        seat: this host's, as its disk has it.
        now: the time in seconds, on a clock that runs on while the host is suspended.
    """

    def __init__(self, seat: Seat, now: float) -> None:
        self._seat = seat
        self._reign: Reign | None = None
        self._candidacy = Candidacy(seat, now)
        self._asking = Asking(seat)
        self._granting: tuple[str, m.Grant] | None = None
        self._grant_at = now
        self._now = now

    @property
    def acting(self) -> Epoch | None:
        """The epoch in which this host acts as master now; None when it does not."""
        return self._reign.epoch if self._reign is not None and self._reign.acting else None

    @property
    def successors(self) -> tuple[str, ...]:
        """The hosts first in line after the master that is followed, as it said last."""
        return self._candidacy.successors

    @property
    def dropped(self) -> int:
        """Requests that found no room here since this host is master; their clients try again."""
        return 0 if self._reign is None else self._reign.dropped

    @property
    def seat(self) -> Seat:
        """What it stands on; only read it."""
        return self._seat

    def deadline(self) -> float:
        """When to be stepped with `Tick`, in seconds."""
        dues = [self._asking.deadline()]
        if self._reign is not None:
            dues.append(self._reign.deadline())
        else:
            dues.append(self._candidacy.deadline(self._now))
        if self._granting is not None:
            dues.append(self._grant_at)
        return min(due for due in dues if due is not None)

    def step(self, event: m.Event, now: float) -> list[m.Command]:
        """Take an event; give what is to be done, in order."""
        seat = self._seat
        seat.commands = []
        self._now = now
        if self._reign is not None:
            self._reign.wake(now)
        self._take(event, now)
        self._tick(now)
        while seat.own:
            self._arrive(seat.host, seat.own.popleft(), now)
        return seat.commands

    def _take(self, event: m.Event, now: float) -> None:
        match event:
            case m.Arrived(sender, message):
                self._arrive(sender, message, now)
            case m.MemberUp(host):
                self._member(host, up=True)
            case m.MemberDown(host):
                self._member(host, up=False)
            case m.Request():
                self._asking.begin(event, now)
            case m.Admit(epoch, token):
                self._see(epoch, now)
                highest = self._seat.epoch
                self._seat.commands.append(m.Admitted(token, epoch == highest, highest))
            case m.Tick():
                pass

    def _member(self, host: str, *, up: bool) -> None:
        self._candidacy.member(host, up=up)
        if self._reign is not None:
            self._reign.member(host, up=up)
        if not up and self._granting is not None and self._granting[0] == host:
            self._granting = None

    def _tick(self, now: float) -> None:
        if self._reign is not None:
            self._reign.tick(now)
            self._hand_over(now)
        else:
            self._act_on(self._candidacy.tick(now), now)
        if self._granting is not None and now >= self._grant_at:
            self._grant_at = now + self._seat.timing.grant
            self._seat.send(*self._granting)
        self._asking.tick(now)

    # -- epochs

    def _see(self, epoch: Epoch, now: float, why: str = "") -> None:
        """Something carries an epoch: a higher one is kept, and ends a lower reign."""
        if epoch > self._seat.epoch:
            self._seat.raise_epoch(epoch, why)
            self._follow(now)

    def _follow(self, now: float) -> None:
        epoch = self._seat.epoch
        self._candidacy.reset(now)
        self._asking.turn(now)
        self._granting = None
        reign, self._reign = self._reign, None
        if reign is not None:
            reign.end(epoch)

    def _act_on(self, verdict: Verdict | None, now: float) -> None:
        """Take over."""
        if verdict is None:
            return
        seat, lost = self._seat, self._seat.epoch
        epoch = lost.after(seat.host)
        seat.raise_epoch(epoch, verdict.why)
        self._follow(now)
        body = fork_body(seat.journal.end, [seat.host, *verdict.voters], lost, verdict.why)
        seat.write("fork", body, epoch)
        self._reign = Reign(seat, epoch, verdict.why, now, verdict.voters)

    def _hand_over(self, now: float) -> None:
        """The reign has committed to another host."""
        reign = self._reign
        if reign is None or reign.granted is None:
            return
        target, grant = reign.granted
        self._seat.epoch = grant.epoch  # written with the entry
        self._seat.commands.append(m.MasterChanged(grant.epoch, str(grant.entry.body["why"])))
        self._follow(now)
        self._granting, self._grant_at = (target, grant), now

    # -- messages

    def _arrive(self, sender: str, message: m.Message, now: float) -> None:
        """Take a message; that of a `Redirect` is its epoch."""
        if isinstance(message, m.Grant):
            self._accept(sender, message, now)
            return
        self._see(message.epoch, now)
        match message:
            case m.Beat() | m.Append() | m.Install() | m.Ship():
                self._obey(sender, message, now)
            case m.Heard() | m.Shipment():
                self._learn(sender, message, now)
            case m.Canvass():
                self._vote(sender, now)
            case m.Ballot():
                self._act_on(self._candidacy.voted(sender, message, now), now)
            case m.Nominate(epoch):
                if self._reign is None and epoch == self._seat.epoch:
                    self._candidacy.nominated(now)
            case m.Ask():
                self._asked(sender, message, now)
            case m.Answer():
                self._asking.answered(message)

    def _learn(self, sender: str, message: m.Heard | m.Shipment, now: float) -> None:
        """A follower speaks."""
        reign = self._reign
        if reign is None or message.epoch != reign.epoch:
            return
        if isinstance(message, m.Heard):
            reign.heard(sender, message, now)
        else:
            reign.shipped(sender, message, now)
        self._hand_over(now)

    def _obey(
        self, sender: str, message: m.Beat | m.Append | m.Install | m.Ship, now: float
    ) -> None:
        """A master speaks: follow it, unless a higher epoch was seen."""
        seat = self._seat
        if message.epoch == seat.epoch and message.epoch.host != seat.host:
            self._granting = None
            match message:
                case m.Beat():
                    self._candidacy.beat(message, now)
                case m.Append():
                    self._candidacy.heard(now)
                    self._append(message)
                case m.Install(_, base):
                    self._candidacy.heard(now)
                    if covers(base.state["context"], seat.journal.state.context):
                        seat.install(base)
                case m.Ship(epoch):
                    seat.send(sender, m.Shipment(epoch, seat.journal.snapshot()))
                    return
        seat.send(sender, seat.heard(self._candidacy.number))

    def _append(self, message: m.Append) -> None:
        journal = self._seat.journal
        numbers = [entry.seq for entry in message.entries]
        first = journal.end[0] + 1
        if message.after == journal.end and numbers == list(range(first, first + len(numbers))):
            self._seat.copy(message.entries)

    def _vote(self, sender: str, now: float) -> None:
        hears = self._reign is not None or self._candidacy.says(sender, now)
        seat = self._seat
        context = dict(seat.journal.state.context)
        ballot = m.Ballot(seat.epoch, hears, seat.journal.end, context, seat.standing())
        seat.send(sender, ballot)

    def _asked(self, sender: str, ask: m.Ask, now: float) -> None:
        if self._reign is not None:
            self._reign.ask(sender, ask, now)
            self._hand_over(now)
        elif self._seat.epoch.host != self._seat.host:
            self._seat.send(sender, m.Redirect(ask.request, self._seat.epoch))

    def _accept(self, sender: str, grant: m.Grant, now: float) -> None:
        """The focus is handed to this host; a grant of a lower epoch comes too late."""
        seat = self._seat
        if grant.epoch < seat.epoch or self._reign is not None:
            self._refuse_grant(sender)
        elif grant.epoch.host == seat.host and grant.after == seat.journal.end:
            seat.copy((grant.entry,), then=grant.epoch)
            why = str(grant.entry.body["why"])
            seat.epoch = grant.epoch
            seat.commands.append(m.MasterChanged(grant.epoch, why))
            self._follow(now)
            self._reign = Reign(seat, grant.epoch, why, now)

    def _refuse_grant(self, sender: str) -> None:
        seat = self._seat
        if self._reign is not None:  # the announcement was lost
            seat.send(sender, m.Beat(self._reign.epoch, 0, ()))
        else:
            seat.send(sender, seat.heard(0))
