"""The probes of one host: whom it pings, whom it asks to help, and what comes of that.

When which probe is due is known to probing.py. A probe of this host's own that gets no answer, not
through helpers either, accuses the host that was asked. One on behalf of another host tells that
one how it went. A host whose helpers did not answer either is taken for slow itself: it has more
patience with others until its probes succeed again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from random import Random

from simulacra.actors.cluster import packets as p
from simulacra.actors.cluster.exchange import Exchange
from simulacra.actors.cluster.probing import Probe, Prober
from simulacra.actors.cluster.swim_settings import Settings
from simulacra.actors.cluster.view import View

_RELAYS = 256  # probes on behalf of others at the same time


class Probes:
    """What a host asks others, and is asked.

    Args:
        view: what this host holds of all.
        exchange: by which it sends; it tells the time, too.
        settings: how patient to be.
        random: where chance comes from.
    """

    def __init__(self, view: View, exchange: Exchange, settings: Settings, random: Random) -> None:
        self._view = view
        self._exchange = exchange
        self._settings = settings
        self._prober = Prober(random)
        self._sick = 0

    @property
    def targets(self) -> Collection[str]:
        """The hosts that are probed in turn."""
        return self._prober.targets

    @property
    def stretch(self) -> float:
        """How many times as long as usual this host waits."""
        return 1.0 + self._sick

    def sicken(self) -> None:
        """Be more patient: this host is slow."""
        self._sick = min(self._sick + 1, self._settings.sick - 1)

    def deadline(self) -> float | None:
        """When something is due, in own time."""
        return self._prober.deadline()

    def aim(self, hosts: Iterable[str]) -> None:
        """Probe these from now on."""
        unlike_me = [host for host in dict.fromkeys(hosts) if host != self._view.me.host]
        self._prober.aim(unlike_me, self._exchange.now, self._interval())

    def hurry(self, host: str) -> None:
        """Probe a host at once, if it is probed at all."""
        self._prober.hurry(host, self._exchange.now)

    def abandon(self) -> None:
        """Expect no answer any more."""
        self._prober.abandon()

    def go_on(self) -> None:
        """Do what is due: ask helpers, give up, and ping whose turn it is."""
        now = self._exchange.now
        for probe in self._prober.overdue(now):
            if probe.client is None and probe.asked is None:
                self._ask_others(probe)
                continue
            self._prober.end(probe.n)
            if probe.client is not None:
                self._tell(*probe.client, answered=False)
            else:
                self._failed(probe)
        for host in list(self._prober.due(now, self._interval())):
            patience = self._view.patience.of(host, now)
            wait = self._settings.answer * self.stretch * patience
            self._ping(self._prober.begin(host, now + wait))

    def answered(self, host: str, n: int) -> None:
        """A host has answered a ping."""
        probe = self._prober.get(n)
        if probe is not None and probe.host == host:
            self._succeeded(probe)

    def tried(self, tried: p.Tried) -> None:
        """A helper tells what came of it."""
        probe = self._prober.get(tried.n)
        if probe is None or probe.asked is None:
            return
        if tried.answered:
            self._succeeded(probe)
        else:
            probe.tried += 1

    def help(self, ask: p.Ask) -> None:
        """Try for another host, unless there is too much of that already."""
        if len(self._prober) < _RELAYS:
            due = self._exchange.now + self._settings.helped / 2
            self._ping(self._prober.begin(ask.target, due, (ask.sender, ask.n)))

    def _interval(self) -> float:
        return self._settings.interval_among(len(self._view.rings))

    def _ping(self, probe: Probe) -> None:
        if probe.host in self._view.suspicions:
            self._exchange.judge(probe.host)
        ping = p.Ping(
            *self._exchange.sender, probe.n, self._view.table.digest, self._exchange.some_news()
        )
        self._exchange.send(probe.host, ping)

    def _ask_others(self, probe: Probe) -> None:
        rings, me = self._view.rings, self._view.me.host
        able = [*rings.before(probe.host), *rings.after(me), *rings.before(me)]
        helpers = [host for host in dict.fromkeys(able) if host not in (me, probe.host)]
        helpers = helpers[: self._settings.helpers]
        probe.asked = len(helpers)
        probe.due = self._exchange.now + self._settings.helped * self.stretch
        self._ping(probe)
        for helper in helpers:
            self._exchange.send(helper, p.Ask(*self._exchange.sender, probe.n, probe.host))

    def _failed(self, probe: Probe) -> None:
        if probe.asked and not probe.tried:
            self.sicken()
        self._view.accuse(probe.host, self._exchange.now)

    def _succeeded(self, probe: Probe) -> None:
        self._prober.answer(probe)
        if probe.client is not None:
            self._tell(*probe.client, answered=True)
        else:
            self._sick = max(self._sick - 1, 0)

    def _tell(self, client: str, n: int, *, answered: bool) -> None:
        self._exchange.send(client, p.Tried(*self._exchange.sender, n, answered=answered))
