"""Which probes are due, under way and overdue; what it means to ask a host whether it is there.

A probe is a ping; after a while without an answer a second one, and at the same time some others
are asked to try; after another while it has failed. Each target has a rhythm of its own, so that
pings are spread over time. A patient host has several probes of one target under way: an answer to
one answers those before it, for what was lost earlier says nothing of a host that is there now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random


@dataclass(slots=True)
class Probe:
    """A question to one host.

    Attributes:
        host: who is asked.
        n: its number.
        due: when to do the next thing about it, in own time.
        asked: how many helpers were asked; None before that.
        tried: how many of them said that they got no answer either.
        client: for whom this host asks, if for another one; with the number of that one's probe.
    """

    host: str
    n: int
    due: float
    asked: int | None = None
    tried: int = 0
    client: tuple[str, int] | None = None


class Prober:
    """The probes of one host."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._next: dict[str, float] = {}
        self._probes: dict[int, Probe] = {}
        self._numbers = count(1)

    @property
    def targets(self) -> Collection[str]:
        """Who is probed again and again."""
        return self._next.keys()

    def aim(self, targets: Collection[str], now: float, interval: float) -> None:
        """Probe these from now on, and no others; new ones within ``interval`` seconds."""
        for host in self._next.keys() - set(targets):
            del self._next[host]
        for host in targets:
            if host not in self._next:
                self._next[host] = now + self._random.uniform(0, interval)

    def hurry(self, host: str, now: float) -> None:
        """Probe a target now, unless that is being done."""
        if host in self._next and not any(probe.host == host for probe in self._probes.values()):
            self._next[host] = now

    def deadline(self) -> float | None:
        """When the next thing is due."""
        dues = [*self._next.values(), *(probe.due for probe in self._probes.values())]
        return min(dues, default=None)

    def due(self, now: float, interval: float) -> Iterator[str]:
        """The targets whose turn it is; the next turn of each is fixed."""
        for host, at in self._next.items():
            if at <= now:
                self._next[host] = now + interval * self._random.uniform(0.9, 1.1)
                yield host

    def begin(self, host: str, due: float, client: tuple[str, int] | None = None) -> Probe:
        """A new probe, with a number of its own."""
        probe = Probe(host, next(self._numbers), due, client=client)
        self._probes[probe.n] = probe
        return probe

    def __len__(self) -> int:
        return len(self._probes)

    def get(self, n: int) -> Probe | None:
        """The probe with a number, if it is under way."""
        return self._probes.get(n)

    def end(self, n: int) -> Probe | None:
        """A probe is over, by its answer or without; None if it was over before."""
        return self._probes.pop(n, None)

    def answer(self, probe: Probe) -> None:
        """A probe was answered: over are it, and the earlier ones of its host but for clients."""
        self.end(probe.n)
        own = [each for each in self._probes.values() if each.client is None]
        for each in own:
            if each.host == probe.host and each.n < probe.n:
                self.end(each.n)

    def abandon(self) -> None:
        """Wait for no answer any more."""
        self._probes.clear()

    def overdue(self, now: float) -> list[Probe]:
        """The probes about which something is to be done."""
        return [probe for probe in self._probes.values() if probe.due <= now]
