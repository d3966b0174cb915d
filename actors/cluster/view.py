"""What one host holds of all hosts, itself included, and how news changes that.

News is believed when it supersedes what is held; then it is passed on, and noticed. News of this
host itself that is wrong is contradicted by a higher incarnation. A suspicion runs out into *down*
unless it is contradicted; each host lets it run out by itself, those that do not probe the suspect
much later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from simulacra.actors.cluster.gossip import Rumours
from simulacra.actors.cluster.members import GONE, LIVE, Member, News, State
from simulacra.actors.cluster.rings import Rings
from simulacra.actors.cluster.suspicion import Patience, Suspicion
from simulacra.actors.cluster.swim_settings import Settings
from simulacra.actors.cluster.table import Table


@dataclass(frozen=True, slots=True)
class Changed:
    """A host's state is another now; None stands for a host that is not known.

    Attributes:
        host: whose.
        old: the state before.
        new: the state now; equal to ``old`` when only the key or the address is another.
        reason: in words.
    """

    host: str
    old: State | None
    new: State | None
    reason: str


@dataclass(frozen=True, slots=True)
class Remember:
    """This host has another incarnation now: write it down, to start with a higher one."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class Contested:
    """Another living host bears this one's name, with another key; people have to rename one."""

    key: str
    address: str


Notice = Changed | Remember | Contested

_WHY: Final = {
    State.UP: "it is back",
    State.ASLEEP: "it said good night",
    State.DETACHED: "it parted, and will be back",
}


class View:
    """See the module.

    Args:
        me: this host's own record.
        settings: how patient to be.
        admits: whether a host of that name may have that key; others' news of it is refused.

    Attributes:
        me: this host's own record, as it is now.
        notices: what happened; whoever steps the machine takes them out.
        turned: set when the live hosts are others; whoever has seen to that clears it.
        accused: how often this host had to contradict.
        refused: how many pieces of news were refused.
    """

    def __init__(
        self, me: Member, settings: Settings, admits: Callable[[str, str], bool], now: float
    ) -> None:
        self.me = me
        self.table = Table()
        self.rings = Rings(settings.rings)
        self.rumours = Rumours()
        self.suspicions: dict[str, Suspicion] = {}
        self.patience = Patience(settings)
        self.notices: list[Notice] = []
        self.turned = False
        self.accused = 0
        self.refused = 0
        self._settings = settings
        self._admits = admits
        self._outbid: set[str] = set()
        self._put(News(me), "", now)

    def is_live(self, host: str) -> bool:
        """Whether a host is counted upon."""
        member = self.table.get(host)
        return member is not None and member.state in LIVE

    # -- news

    def hear(self, news: News, source: str, now: float) -> None:
        """Somebody says something of a host."""
        member = news.member
        if member.host == self.me.host:
            self._hear_of_me(member, now)
            return
        known = self.table.get(member.host)
        if known == member:
            self._hear_accuser(news, source, now)
        elif known is None and not self._is_welcome(news):
            self.refused += 1
        elif known is None or member.supersedes(known):
            if not self._admits(member.host, member.key):
                self.refused += 1
                return
            self._put(news, source, now)

    def _is_welcome(self, news: News) -> bool:
        forgotten = news.member.state in GONE and news.age >= self._settings.forget
        return not forgotten and len(self.table) < self._settings.hosts

    def _hear_accuser(self, news: News, source: str, now: float) -> None:
        suspicion = self.suspicions.get(news.member.host)
        if suspicion is None or not news.by or news.by in suspicion.accusers:
            return
        if len(suspicion.accusers) <= suspicion.wanted:
            suspicion.accusers.add(news.by)
            self.rumours.add(news, source, now)

    def _hear_of_me(self, member: Member, now: float) -> None:
        if not member.supersedes(self.me):
            return
        if member.key != self.me.key:
            if member.key in self._outbid and member.state in LIVE:
                self.notices.append(Contested(member.key, member.address))
                return
            self._outbid.add(member.key)
        self.accused += member.state in (State.SUSPECT, State.DOWN)
        self._change_me(now, replace(self.me, incarnation=member.incarnation + 1))

    def declare(self, state: State, now: float) -> None:
        """This host says how it stands from now on."""
        self._change_me(now, replace(self.me, incarnation=self.me.incarnation + 1, state=state))

    def _change_me(self, now: float, me: Member) -> None:
        self.me = me
        self._put(News(me), "", now)
        self.notices.append(Remember(me.incarnation))

    def _put(self, news: News, source: str, now: float) -> None:
        member = news.member
        host = member.host
        known = self.table.get(host)
        was_live, is_live = self.is_live(host), member.state in LIVE
        self.table.put(member, now, news.age)
        if is_live and not was_live:
            self.rings.add(host)
        elif was_live and not is_live:
            self.rings.remove(host)
        self.turned = self.turned or is_live != was_live
        self.suspicions.pop(host, None)
        if member.state is State.SUSPECT:
            wanted = max(0, min(self._settings.rings, len(self.rings) - 1) - 1)
            accusers = {news.by} if news.by else set()
            self.suspicions[host] = Suspicion(now, wanted, accusers)
        self.rumours.add(news, source, now)
        self._notice(known, news, now)

    def _notice(self, known: Member | None, news: News, now: float) -> None:
        member = news.member
        if member.host == self.me.host:
            return
        old = None if known is None else known.state
        if old is State.SUSPECT and member.state is State.UP:
            self.patience.grow(member.host, now)
        moved = known is not None and (known.key, known.address) != (member.key, member.address)
        if old is not member.state or moved:
            self.notices.append(Changed(member.host, old, member.state, _reason(old, news)))

    # -- verdicts of this host

    def accuse(self, host: str, now: float) -> None:
        """This host got no answer from another one."""
        if self.is_live(host):
            self._give(host, State.SUSPECT, now)

    def suspicion_ends(self, host: str, *, bystander: bool, stretch: float, now: float) -> float:
        """When a suspect is held to be down."""
        suspicion = self.suspicions[host]
        lasts = suspicion.lasts(self._settings)
        if bystander:
            lasts = self._settings.bystander * self._settings.suspicion[1]
        return suspicion.since + lasts * stretch * self.patience.of(host, now)

    def convict(self, host: str, now: float) -> None:
        """A suspicion has run out: the host is down."""
        self._give(host, State.DOWN, now)

    def write_off(self, host: str, now: float) -> None:
        """Somebody says here that a host will not come back; it may, by a higher incarnation."""
        self._give(host, State.LEFT, now)

    def _give(self, host: str, state: State, now: float) -> None:
        member = self.table.get(host)
        if member is not None and host != self.me.host:
            self.hear(News(replace(member, state=state), by=self.me.host), "", now)

    def forget(self, now: float) -> None:
        """Those who are gone for long are forgotten."""
        for member in self.table.gone_for(self._settings.forget, now, self.me.host):
            self._remove(member, "forgotten")

    def review(self) -> None:
        """Others are admitted than before: who is not any more is gone at once."""
        for member in list(self.table):
            if member.host != self.me.host and not self._admits(member.host, member.key):
                self._remove(member, "no longer admitted")

    def _remove(self, member: Member, reason: str) -> None:
        if member.state in LIVE:
            self.rings.remove(member.host)
            self.turned = True
        self.suspicions.pop(member.host, None)
        self.table.remove(member.host)
        self.notices.append(Changed(member.host, member.state, None, reason))


def _reason(old: State | None, news: News) -> str:
    by = news.by or "somebody"
    match old, news.member.state:
        case None, State.UP:
            return "it joined"
        case State.UP, State.UP:
            return "it moved"
        case State.SUSPECT, State.UP:
            return "it contradicted"
        case _, State.SUSPECT:
            return f"{by} got no answer"
        case _, State.DOWN:
            return f"{by} got no answer, and it did not contradict in time"
        case _, State.LEFT:
            return f"{news.by} wrote it off" if news.by else "it left"
        case _, state:
            return _WHY[state]
