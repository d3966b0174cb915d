"""What hosts tell each other of hosts: news, verdicts, introductions, and whole tables by parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from simulacra.actors.cluster import packets as p
from simulacra.actors.cluster.members import News, State
from simulacra.actors.cluster.swim_events import Command, Near, Send
from simulacra.actors.cluster.swim_settings import Settings
from simulacra.actors.cluster.table import BUCKETS
from simulacra.actors.cluster.view import Notice, View


class Exchange:
    """The voice of one host, and its ears for news.

    Args:
        view: what the host holds of all.
        settings: how much to say at once.
        random: where chance comes from.

    Attributes:
        now: own time of the step in hand; whoever steps the machine sets it.
        flush_at: when news is told to the neighbours; None while there is none.
        malformed: how much came that no correct node would have sent.
    """

    def __init__(self, view: View, settings: Settings, random: Random) -> None:
        self.now = 0.0
        self.flush_at: float | None = None
        self.malformed = 0
        self._view = view
        self._settings = settings
        self._random = random
        self._synced: float | None = None
        self._out: list[Command] = []

    # -- commands

    def take(self) -> list[Command]:
        """What was commanded since the last time."""
        out, self._out = self._out, []
        return out

    def notice(self, notice: Near | Notice) -> None:
        """Say in this node what happened."""
        self._out.append(notice)

    def send(self, host: str, packet: p.Packet) -> None:
        """Send a packet to another host."""
        self._out.append(Send(host, packet))

    @property
    def sender(self) -> tuple[str, int]:
        """What every packet of this host begins with."""
        return self._view.me.host, self._view.me.incarnation

    # -- news

    def hear(self, news: Iterable[Any], source: str) -> None:
        """Somebody tells news."""
        for told in news:
            try:
                heard = News.hear(told)
            except ValueError:
                self.malformed += 1
            else:
                self._view.hear(heard, source, self.now)

    def some_news(self) -> p.Told:
        """What goes along with one ping or ack."""
        repeats = self._settings.repeats(len(self._view.rings))
        return self._view.rumours.take(self._settings.news_bytes, repeats, self.now)

    def spread(self, neighbours: Sequence[str]) -> None:
        """Tell the neighbours what is new, a moment after the first of it came."""
        if self.flush_at is not None and self.flush_at <= self.now:
            self.flush(neighbours)
        elif self._view.rumours.fresh and self.flush_at is None:
            self.flush_at = self.now + self._settings.flush

    def flush(self, neighbours: Sequence[str]) -> None:
        """Tell the neighbours now what they were not told yet; nobody what came from it."""
        self.flush_at = None
        drained = self._view.rumours.drain(self.now)
        for host in neighbours:
            fresh = [told for told, source in drained if host not in (source, told[0])]
            for news in _chunks(fresh, self._settings.page):
                self.send(host, p.Gossip(*self.sender, news))

    # -- one host

    def judge(self, host: str) -> None:
        """Tell a host what is held of it."""
        member = self._view.table.get(host)
        held = None if member is None else self._view.table.news(member, self.now).tell()
        self.send(host, p.Verdict(*self.sender, held))

    def is_outdated(self, packet: p.Packet) -> bool:
        """Whether the sender of a packet should be told what is held of it."""
        known = self._view.table.get(packet.sender)
        if known is None:
            return True
        return (known.incarnation, known.state) != (packet.incarnation, State.UP)

    def introduce(self, host: str) -> None:
        """Tell a host this one's record."""
        self.send(host, p.Gossip(*self.sender, [News(self._view.me).tell()]))

    def greet(self, host: str) -> None:
        """Begin a conversation with a host that does not know this one, or holds it to be gone."""
        self.introduce(host)
        self.compare(host)

    # -- tables

    def compare(self, host: str) -> None:
        """Ask a host for what it has otherwise."""
        self._synced = self.now
        self.send(host, p.Compare(*self.sender, self._view.table.digests()))

    def compare_if_due(self, host: str, digest: int) -> None:
        """Ask it, if its table differs and not only because news is under way."""
        settings = self._settings
        wait = settings.sync_restless if self._view.rumours else settings.sync
        rested = self._synced is None or self.now - self._synced >= wait
        if rested and digest != self._view.table.digest:
            self.compare(host)

    def answer_compare(self, compare: p.Compare) -> None:
        """Send what differs, as many buckets as the bound allows, and want theirs in return."""
        differing = self._view.table.differing(compare.digests)
        if differing:
            records = self._settings.page * self._settings.pages
            count = max(1, BUCKETS * records // len(self._view.table))
            some = self._random.sample(differing, min(count, len(differing)))
            self.pages(compare.sender, some, some)

    def pages(self, host: str, buckets: list[int], wanted: list[int]) -> None:
        """Send the records of some buckets; ``wanted`` are those that the host shall send."""
        table = self._view.table
        news = [table.news(each, self.now).tell() for each in table.in_buckets(buckets)]
        pages = _chunks(news, self._settings.page) or [[]]
        for number, page in enumerate(pages, 1):
            last = number == len(pages)
            self.send(host, p.Page(*self.sender, page, wanted if last else []))


def _chunks(news: p.Told, size: int) -> list[p.Told]:
    return [news[at : at + size] for at in range(0, len(news), size)]
