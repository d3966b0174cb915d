"""Who is there: the membership of one host as a pure state machine, after SWIM and Lifeguard.

**Probes.** Each host probes its next host on each of a few rings (rings.py) once an interval: a
`Ping`, answered by an `Ack`. Without an answer it pings again and lets some others try (`Ask`,
`Tried`); without any, it suspects the host. The suspicion is told to all, the suspect first, who
contradicts by a higher incarnation if it can; else it is *down* (view.py, suspicion.py). What is
known of a lost connection is a hint to probe at once, and no more.

**News** is told to the neighbours on the rings at once, and repeated with pings and acks
(gossip.py). A ping also carries a digest of the sender's table: where it differs, tables are
compared by buckets, and records exchanged (`Compare`, `Page`), a bounded number at a time.

**Contact.** Every packet names its sender's incarnation. Who holds the sender for anything else
than up answers what it holds (`Verdict`); the sender contradicts and tells its own record. So a
newcomer is entered, a host that was held to be down is up again, and two parts that were split find
each other: from time to time each host greets one of those that are not. Somebody held to be down
is believed nothing but what it says of itself: a host that hears nobody accuses everybody.

**Oneself.** A host's time stands still while it is stopped (pace.py); and one that finds itself
slow, because it was stopped, is accused, or hears of nobody it asked for help, is more patient with
others until its probes succeed again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from random import Random
from typing import Any

from simulacra.actors.cluster import packets as p
from simulacra.actors.cluster.exchange import Exchange
from simulacra.actors.cluster.members import Member, State
from simulacra.actors.cluster.pace import Pace
from simulacra.actors.cluster.probes import Probes
from simulacra.actors.cluster.swim_events import (
    Arrived,
    Command,
    Declare,
    Event,
    Lost,
    Met,
    Near,
    Review,
    Watch,
    WriteOff,
)
from simulacra.actors.cluster.swim_settings import Settings
from simulacra.actors.cluster.view import Changed, View

_GREETERS = 10  # greet in the time of `Settings.retry`; of more hosts each does so more rarely


def _anybody(_: str, __: str) -> bool:
    return True


class Swim:
    """One host's membership.

    Args:
        me: this host; its incarnation higher than in any earlier life that the disk remembers.
        random: where chance comes from.
        settings: how patient to be.
        contacts: hosts that were members once: greeted until somebody answers.
        admits: whether a host of that name may have that key.
        now: the time, in seconds; of any clock.

    Attributes:
        view: what this host holds of all.
        heard: when a packet came from a host last, in own time.
    """

    def __init__(
        self,
        me: Member,
        *,
        random: Random,
        settings: Settings | None = None,
        contacts: Iterable[Member] = (),
        admits: Callable[[str, str], bool] = _anybody,
        now: float = 0.0,
    ) -> None:
        self.settings = settings or Settings()
        self.heard: dict[str, float] = {}
        self._random = random
        self._pace = Pace(self.settings.late)
        self._now = self._pace.advance(now)
        self.view = View(me, self.settings, admits, self._now)
        self._contacts = {member.host: member for member in contacts if member.host != me.host}
        self._watched: tuple[str, ...] = ()
        self._round: list[str] = []
        self._retry_at = self._now
        self._exchange = Exchange(self.view, self.settings, random)
        self._exchange.now = self._now
        self._probes = Probes(self.view, self._exchange, self.settings, random)
        self._deadline = self._pace.want(self._next_due())

    # -- what others may ask

    @property
    def me(self) -> Member:
        """This host's own record."""
        return self.view.me

    @property
    def malformed(self) -> int:
        """How many packets and pieces of news no correct node would have sent."""
        return self._exchange.malformed

    @property
    def pauses(self) -> int:
        """How often this host was stopped, or was very slow."""
        return self._pace.pauses

    def members(self) -> list[Member]:
        """All hosts that are known, this one too, by name."""
        return sorted(self.view.table, key=lambda member: member.host)

    def age(self, host: str) -> tuple[float, float | None]:
        """Seconds since a member's record changed, and since it was heard directly, if it was."""
        heard = self.heard.get(host)
        since = self._now - self.view.table.since(host)
        return since, None if heard is None else self._now - heard

    def contact(self, host: str) -> Member | None:
        """With which key and where a host can be reached, if it is known."""
        return self.view.table.get(host) or self._contacts.get(host)

    # -- the machine

    def deadline(self) -> float | None:
        """When to be stepped with `Tick`, by the clock outside."""
        return self._deadline

    def step(self, event: Event, now: float) -> list[Command]:
        """Take one event at a time in seconds; what is to be done about it."""
        pauses = self._pace.pauses
        self._now = self._exchange.now = self._pace.advance(now)
        if self._pace.pauses > pauses:
            self._probes.sicken()
        self._take(event)
        self._take_turns()
        self._deadline = self._pace.want(self._next_due())
        return self._exchange.take()

    def _take(self, event: Event) -> None:
        match event:
            case Arrived(packet):
                self._arrived(packet)
            case Met(host, key, address):
                self._met(host, key, address)
            case Lost(host):
                self._probes.hurry(host)
            case Declare(state):
                self._declare(state)
            case Watch(hosts):
                self._watched = hosts
                self.view.turned = True
            case WriteOff(host):
                self.view.write_off(host, self._now)
            case Review():
                self.view.review()

    def _next_due(self) -> float | None:
        dues: list[float | None] = [self._exchange.flush_at]
        if self.is_active:
            dues.append(self._probes.deadline())
            dues += [self._suspicion_ends(host) for host in self.view.suspicions]
            if self._contacts or self.view.table.absent():
                dues.append(self._retry_at)
        dues.append(self.view.table.next_forgotten(self.settings.forget, self.me.host))
        return min((due for due in dues if due is not None), default=None)

    def _take_turns(self) -> None:
        """Do whatever is due."""
        if self.is_active:
            self._run_out_suspicions()
            self._probes.go_on()
            if self._retry_at <= self._now:
                self._retry()
        self.view.forget(self._now)
        self._emit()
        if self.view.turned:
            self._turn()
        self._exchange.spread(self._neighbours())

    def _emit(self) -> None:
        """Give out what happened, and tell those of whom something bad is said."""
        notices, self.view.notices = self.view.notices, []
        for notice in notices:
            self._exchange.notice(notice)
            if isinstance(notice, Changed):
                if notice.new is State.SUSPECT:
                    self._probes.hurry(notice.host)
                elif notice.new is State.DOWN and notice.host in self._probes.targets:
                    self._exchange.judge(notice.host)
                elif notice.new is None:
                    self.heard.pop(notice.host, None)

    @property
    def is_active(self) -> bool:
        """Whether this host takes part: it is up, and not about to go."""
        return self.me.state is State.UP

    def _turn(self) -> None:
        """The live hosts are others: so may be those to probe."""
        self.view.turned = False
        targets: list[str] = []
        if self.is_active:
            watched = [host for host in self._watched if self.view.is_live(host)]
            targets = [*self.view.rings.after(self.me.host), *watched]
        self._probes.aim(targets)
        self._exchange.notice(Near(frozenset(self._neighbours())))

    def _neighbours(self) -> list[str]:
        rings, me = self.view.rings, self.me.host
        return list(dict.fromkeys([*rings.after(me), *rings.before(me), *self._probes.targets]))

    def _suspicion_ends(self, host: str) -> float:
        return self.view.suspicion_ends(
            host,
            bystander=host not in self._probes.targets,
            stretch=self._probes.stretch,
            now=self._now,
        )

    def _run_out_suspicions(self) -> None:
        for host in list(self.view.suspicions):
            if self._suspicion_ends(host) <= self._now:
                self.view.convict(host, self._now)

    # -- contact

    def _met(self, host: str, key: str, address: str) -> None:
        if host == self.me.host:
            return
        known = self.view.table.get(host)
        if known is None:
            self._contacts[host] = Member(host, key, address, 0, State.DOWN)
        if self.is_active and (known is None or known.state is not State.UP):
            self._exchange.greet(host)

    def _retry(self) -> None:
        """Greet somebody who is not there, for it may be there again."""
        crowd = max(1.0, len(self.view.rings) / _GREETERS)
        self._retry_at = self._now + self.settings.retry * crowd * self._random.uniform(0.8, 1.2)
        table = self.view.table
        self._contacts = {host: who for host, who in self._contacts.items() if not table.get(host)}
        absent = [*table.absent(), *self._contacts]
        if not self._round:
            self._round = self._random.sample(absent, len(absent))
        if self._round and (host := self._round.pop()) in absent:
            self._exchange.greet(host)

    def _declare(self, state: State) -> None:
        if state in (self.me.state, State.SUSPECT, State.DOWN):
            return
        self.view.declare(state, self._now)
        self._probes.abandon()
        self._exchange.flush(self._neighbours())
        if state is State.UP:
            self._retry_at = self._now
            for host in self._random.sample(self._neighbours(), min(2, len(self._neighbours()))):
                self._exchange.greet(host)

    # -- packets

    def _arrived(self, packet: p.Packet) -> None:
        if not p.is_sound(packet):
            self._exchange.malformed += 1
            return
        sender = packet.sender
        if sender == self.me.host:
            return  # one that bears our name: its record, which others have, says more
        was_live = self.view.is_live(sender)
        news: Collection[Any] = getattr(packet, "news", ())
        self._exchange.hear([told for told in news if told[:1] == [sender]], sender)
        believed = self.view.is_live(sender)
        if believed:
            self.heard[sender] = self._now
            if not was_live and self.is_active:
                self._exchange.compare(sender)
            self._exchange.hear([told for told in news if told[:1] != [sender]], sender)
        if not isinstance(packet, p.Gossip | p.Verdict | p.Tried) and self._exchange.is_outdated(
            packet
        ):
            self._exchange.judge(sender)
        if believed or isinstance(packet, p.Verdict | p.Ping):
            self._answer(packet)

    def _answer(self, packet: p.Packet) -> None:
        match packet:
            case p.Ping():
                self._answer_ping(packet)
            case p.Ack():
                self._probes.answered(packet.sender, packet.n)
            case p.Ask() if self.is_active and self.contact(packet.target):
                self._probes.help(packet)
            case p.Tried():
                self._probes.tried(packet)
            case p.Verdict():
                if packet.held is not None:
                    self._exchange.hear([packet.held], packet.sender)
                self._exchange.introduce(packet.sender)
            case p.Compare():
                self._exchange.answer_compare(packet)
            case p.Page() if packet.wanted:
                self._exchange.pages(packet.sender, packet.wanted, [])

    def _answer_ping(self, ping: p.Ping) -> None:
        if not self.is_active:
            self._exchange.introduce(ping.sender)
            return
        self._exchange.send(
            ping.sender, p.Ack(*self._exchange.sender, ping.n, self._exchange.some_news())
        )
        if self.view.is_live(ping.sender):
            self._exchange.compare_if_due(ping.sender, ping.digest)
