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
from simulacra.actors.cluster.members import Member, News, State
from simulacra.actors.cluster.pace import Pace
from simulacra.actors.cluster.probing import Probe, Prober
from simulacra.actors.cluster.swim_events import (
    Arrived,
    Command,
    Declare,
    Event,
    Lost,
    Met,
    Review,
    Send,
    Watch,
    WriteOff,
)
from simulacra.actors.cluster.swim_settings import Settings
from simulacra.actors.cluster.table import BUCKETS
from simulacra.actors.cluster.view import Changed, View

_RELAYS = 256  # probes on behalf of others at the same time
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
        malformed: how many packets no correct node would have sent.
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
        self.malformed = 0
        self._random = random
        self._pace = Pace(self.settings.late)
        self._now = self._pace.advance(now)
        self.view = View(me, self.settings, admits, self._now)
        self._prober = Prober(random)
        self._contacts = {member.host: member for member in contacts if member.host != me.host}
        self._watched: tuple[str, ...] = ()
        self._round: list[str] = []
        self._sick = 0
        self._flush_at: float | None = None
        self._retry_at = self._now
        self._synced = -self.settings.sync_restless
        self._out: list[Command] = []
        self._deadline = self._pace.want(self._next_due())

    # -- what others may ask

    @property
    def me(self) -> Member:
        """This host's own record."""
        return self.view.me

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
        self._now = self._pace.advance(now)
        if self._pace.pauses > pauses:
            self._sicken()
        self._take(event)
        self._take_turns()
        self._deadline = self._pace.want(self._next_due())
        out, self._out = self._out, []
        return out

    def _take(self, event: Event) -> None:
        match event:
            case Arrived(packet):
                self._arrived(packet)
            case Met(host, key, address):
                self._met(host, key, address)
            case Lost(host):
                self._prober.hurry(host, self._now)
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
        dues: list[float | None] = [self._flush_at]
        if self.is_active:
            dues.append(self._prober.deadline())
            dues += [self._suspicion_ends(host) for host in self.view.suspicions]
            if self._contacts or self.view.table.absent():
                dues.append(self._retry_at)
        dues.append(self.view.table.next_forgotten(self.settings.forget))
        return min((due for due in dues if due is not None), default=None)

    def _take_turns(self) -> None:
        """Do whatever is due."""
        if self.is_active:
            self._run_out_suspicions()
            self._see_to_probes()
            if self._retry_at <= self._now:
                self._retry()
        self.view.forget(self._now)
        self._emit()
        if self.view.turned:
            self._turn()
        if self._flush_at is not None and self._flush_at <= self._now:
            self._flush()
        elif self.view.rumours.fresh and self._flush_at is None:
            self._flush_at = self._now + self.settings.flush

    def _emit(self) -> None:
        """Give out what happened, and tell those of whom something bad is said."""
        notices, self.view.notices = self.view.notices, []
        for notice in notices:
            self._out.append(notice)
            if isinstance(notice, Changed):
                if notice.new is State.SUSPECT:
                    self._prober.hurry(notice.host, self._now)
                elif notice.new is State.DOWN and notice.host in self._prober.targets:
                    self._judge(notice.host)
                elif notice.new is None:
                    self.heard.pop(notice.host, None)

    # -- probing

    @property
    def is_active(self) -> bool:
        """Whether this host takes part: it is up, and not about to go."""
        return self.me.state is State.UP

    @property
    def _stretch(self) -> float:
        return 1.0 + self._sick

    def _sicken(self) -> None:
        self._sick = min(self._sick + 1, self.settings.sick - 1)

    def _interval(self) -> float:
        return self.settings.interval_among(len(self.view.rings))

    def _turn(self) -> None:
        """The live hosts are others: so may be those to probe."""
        self.view.turned = False
        targets: list[str] = []
        if self.is_active:
            watched = [host for host in self._watched if self.view.is_live(host)]
            targets = [*self.view.rings.after(self.me.host), *watched]
        unlike_me = [host for host in dict.fromkeys(targets) if host != self.me.host]
        self._prober.aim(unlike_me, self._now, self._interval())

    def _see_to_probes(self) -> None:
        for probe in self._prober.overdue(self._now):
            if probe.client is not None:
                self._prober.end(probe.n)
                self._send(probe.client[0], p.Tried(*self._from(), probe.client[1], answered=False))
            elif probe.asked is None:
                self._ask_others(probe)
            else:
                self._prober.end(probe.n)
                self._failed(probe)
        for host in list(self._prober.due(self._now, self._interval())):
            patience = self.view.patience.of(host, self._now)
            wait = self.settings.answer * self._stretch * patience
            self._ping(self._prober.begin(host, self._now + wait))

    def _ping(self, probe: Probe) -> None:
        if probe.host in self.view.suspicions:
            self._judge(probe.host)
        ping = p.Ping(*self._from(), probe.n, self.view.table.digest, self._some_news())
        self._send(probe.host, ping)

    def _ask_others(self, probe: Probe) -> None:
        rings = self.view.rings
        able = [*rings.before(probe.host), *rings.after(self.me.host), *rings.before(self.me.host)]
        helpers = [host for host in dict.fromkeys(able) if host not in (self.me.host, probe.host)]
        helpers = helpers[: self.settings.helpers]
        probe.asked = len(helpers)
        probe.due = self._now + self.settings.helped * self._stretch
        self._ping(probe)
        for helper in helpers:
            self._send(helper, p.Ask(*self._from(), probe.n, probe.host))

    def _failed(self, probe: Probe) -> None:
        if probe.asked and not probe.tried:
            self._sicken()
        self.view.accuse(probe.host, self._now)

    def _succeeded(self, probe: Probe) -> None:
        if probe.client is not None:
            self._send(probe.client[0], p.Tried(*self._from(), probe.client[1], answered=True))
        else:
            self._sick = max(self._sick - 1, 0)

    def _suspicion_ends(self, host: str) -> float:
        return self.view.suspicion_ends(
            host,
            bystander=host not in self._prober.targets,
            stretch=self._stretch,
            now=self._now,
        )

    def _run_out_suspicions(self) -> None:
        for host in list(self.view.suspicions):
            if self._suspicion_ends(host) <= self._now:
                self.view.convict(host, self._now)

    # -- news

    def _from(self) -> tuple[str, int]:
        return self.me.host, self.me.incarnation

    def _send(self, host: str, packet: p.Packet) -> None:
        self._out.append(Send(host, packet))

    def _some_news(self) -> p.Told:
        repeats = self.settings.repeats(len(self.view.rings))
        return self.view.rumours.take(self.settings.news_bytes, repeats, self._now)

    def _neighbours(self) -> list[str]:
        rings, me = self.view.rings, self.me.host
        beside = [*rings.after(me), *rings.before(me), *self._prober.targets]
        return list(dict.fromkeys(beside))

    def _flush(self) -> None:
        """Tell the neighbours what they were not told yet; to nobody what came from it."""
        self._flush_at = None
        drained = self.view.rumours.drain(self._now)
        for host in self._neighbours() if drained else ():
            fresh = [told for told, source in drained if host not in (source, told[0])]
            for news in _chunks(fresh, self.settings.page):
                self._send(host, p.Gossip(*self._from(), news))

    def _hear_all(self, news: Iterable[Any], source: str) -> None:
        for told in news:
            try:
                heard = News.hear(told)
            except ValueError:
                self.malformed += 1
            else:
                self.view.hear(heard, source, self._now)

    # -- contact

    def _judge(self, host: str) -> None:
        """Tell a host what is held of it."""
        member = self.view.table.get(host)
        held = None if member is None else self.view.table.news(member, self._now).tell()
        self._send(host, p.Verdict(*self._from(), held))

    def _greet(self, host: str) -> None:
        self._introduce(host)
        self._compare(host)

    def _introduce(self, host: str) -> None:
        self._send(host, p.Gossip(*self._from(), [News(self.me).tell()]))

    def _compare(self, host: str) -> None:
        self._synced = self._now
        self._send(host, p.Compare(*self._from(), self.view.table.digests()))

    def _met(self, host: str, key: str, address: str) -> None:
        if host == self.me.host:
            return
        known = self.view.table.get(host)
        if known is None:
            self._contacts[host] = Member(host, key, address, 0, State.DOWN)
        if self.is_active and (known is None or known.state is not State.UP):
            self._greet(host)

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
            self._greet(host)

    def _declare(self, state: State) -> None:
        if state in (self.me.state, State.SUSPECT, State.DOWN):
            return
        self.view.declare(state, self._now)
        self._prober.abandon()
        self._flush()
        if state is State.UP:
            self._retry_at = self._now
            for host in self._random.sample(self._neighbours(), min(2, len(self._neighbours()))):
                self._greet(host)

    # -- packets

    def _arrived(self, packet: p.Packet) -> None:
        sender = packet.sender
        if sender == self.me.host:
            return  # one that bears our name: its record, which others have, says more
        was_live = self.view.is_live(sender)
        news: Collection[Any] = getattr(packet, "news", ())
        self._hear_all([told for told in news if told[:1] == [sender]], sender)
        believed = self.view.is_live(sender)
        if believed:
            self.heard[sender] = self._now
            if not was_live and self.is_active:
                self._compare(sender)
            self._hear_all([told for told in news if told[:1] != [sender]], sender)
        if not isinstance(packet, p.Gossip | p.Verdict | p.Tried) and self._is_outdated(packet):
            self._judge(sender)
        if believed or isinstance(packet, p.Verdict | p.Ping):
            self._answer(packet)

    def _is_outdated(self, packet: p.Packet) -> bool:
        """Whether the sender should be told what is held of it."""
        known = self.view.table.get(packet.sender)
        if known is None:
            return True
        return (known.incarnation, known.state) != (packet.incarnation, State.UP)

    def _answer(self, packet: p.Packet) -> None:
        match packet:
            case p.Ping():
                self._answer_ping(packet)
            case p.Ack():
                self._answered(packet.sender, packet.n)
            case p.Ask():
                self._help(packet)
            case p.Tried():
                self._tried(packet)
            case p.Verdict():
                if packet.held is not None:
                    self._hear_all([packet.held], packet.sender)
                self._introduce(packet.sender)
            case p.Compare():
                self._answer_compare(packet)
            case p.Page() if packet.wanted:
                self._pages(packet.sender, packet.wanted, [])

    def _answer_ping(self, ping: p.Ping) -> None:
        if not self.is_active:
            self._introduce(ping.sender)
            return
        self._send(ping.sender, p.Ack(*self._from(), ping.n, self._some_news()))
        wait = self.settings.sync_restless if self.view.rumours else self.settings.sync
        differs = ping.digest != self.view.table.digest
        if differs and self._now - self._synced >= wait and self.view.is_live(ping.sender):
            self._compare(ping.sender)

    def _answered(self, host: str, n: int) -> None:
        probe = self._prober.get(n)
        if probe is not None and probe.host == host:
            self._prober.end(n)
            self._succeeded(probe)

    def _help(self, ask: p.Ask) -> None:
        if self.is_active and self.contact(ask.target) and len(self._prober) < _RELAYS:
            due = self._now + self.settings.helped / 2
            self._ping(self._prober.begin(ask.target, due, (ask.sender, ask.n)))

    def _tried(self, tried: p.Tried) -> None:
        probe = self._prober.get(tried.n)
        if probe is None or probe.asked is None:
            return
        if tried.answered:
            self._prober.end(tried.n)
            self._succeeded(probe)
        else:
            probe.tried += 1

    def _answer_compare(self, compare: p.Compare) -> None:
        differing = self.view.table.differing(compare.digests)
        if differing:
            count = max(
                1, BUCKETS * self.settings.page * self.settings.pages // len(self.view.table)
            )
            some = self._random.sample(differing, min(count, len(differing)))
            self._pages(compare.sender, some, some)

    def _pages(self, host: str, buckets: list[int], wanted: list[int]) -> None:
        """Send the records of some buckets, and want theirs in return."""
        members = self.view.table.in_buckets(buckets)
        news = [self.view.table.news(each, self._now).tell() for each in members]
        pages = _chunks(news, self.settings.page) or [[]]
        for number, page in enumerate(pages, 1):
            last = number == len(pages)
            self._send(host, p.Page(*self._from(), page, wanted if last else []))


def _chunks(news: p.Told, size: int) -> list[p.Told]:
    return [news[at : at + size] for at in range(0, len(news), size)]
