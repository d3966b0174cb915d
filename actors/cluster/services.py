"""Services: where each is to run in this part of the network, decided again whenever it changes.

A service runs in so many replicas on hosts that meet its needs. The rules, in this order:

1. In a split the service's rule says whether it runs in this part at all. With a spread it runs on
   both sides; a single one by its ``on_split``: ``run-in-both``, ``run-with-master`` (the side
   that has the elected master, not a deputy), or ``stop`` (neither).
2. The network has to meet the needs that are about it (``hosts>=3``).
3. What runs well stays where it is. Of too many, those stay that have run longest. A port of a
   host is had by one service, the one that has it already or comes first by name.
   What is *held* (its host was away, and has it kept) goes on if it is still missing, and is
   stopped if enough run; while the service may not run here it is left as it is.
4. What is missing is started where the needs are met: with ``spread = zone`` in the zone that has
   the fewest replicas, then on the host that has the fewest services.
5. With a spread, a replica moves only if one zone has two more than another whose host has been up
   for `SETTLED` seconds: a host that comes and goes moves nothing.

A service that does not run as wanted always says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from simulacra.actors.cluster.needs import Capabilities, ports_of, unmet, unmet_by_network
from simulacra.actors.cluster.service_spec import EACH_ZONE, Service

SETTLED: Final = 60.0
"""Seconds that a host has to be up before a replica moves to it for the sake of the spread."""

State = Literal["runs", "short", "waits", "stopped"]


@dataclass(frozen=True, slots=True)
class Running:
    """A replica that runs, or is being started.

    Attributes:
        host: where.
        since: since when, in seconds.
        held: whether it does not run, but is kept by a host that was started again.
    """

    host: str
    since: float
    held: bool = False


@dataclass(frozen=True)
class Part:
    """This part of the network, as its master or deputy sees it.

    Attributes:
        hosts: those that are up in it and may run code.
        up_since: since when each is up, in seconds.
        split: whether there is another part.
        elected: whether the master here is the elected one, not a deputy.
    """

    hosts: Mapping[str, Capabilities]
    up_since: Mapping[str, float] = field(default_factory=dict)
    split: bool = False
    elected: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a service is to run in this part.

    Attributes:
        service: its name.
        hosts: where, by name.
        state: ``runs`` as wanted, ``short`` of replicas, ``waits`` for what it needs, or
            ``stopped`` by its rule for splits.
        reason: why it is so, in words.
        start: the hosts where it does not run yet, or is held and goes on.
        stop: the hosts where it is to be stopped, each with the reason.
    """

    service: str
    hosts: tuple[str, ...]
    state: State
    reason: str
    start: tuple[str, ...] = ()
    stop: tuple[tuple[str, str], ...] = ()


def place(
    services: Iterable[Service],
    part: Part,
    running: Mapping[str, Collection[Running]],
    now: float,
) -> tuple[Decision, ...]:
    """Where all services are to run in this part, in the order of their names.

    Args:
        services: all of the network's.
        part: this part.
        running: the replicas that run in this part, by service; those elsewhere are left out.
        now: seconds, by the clock of ``since`` and ``up_since``.
    """
    ordered = sorted(services, key=lambda service: service.name)
    board = _Board(part, now)
    plans = {
        service.name: board.keep(service, running.get(service.name, ())) for service in ordered
    }
    for service in ordered:
        board.fill(service, plans[service.name])
        board.even_out(service, plans[service.name])
    return tuple(plans[service.name].decision(board) for service in ordered)


@dataclass
class _Plan:
    """What becomes of one service."""

    service: Service
    barred: str | None
    wanted: int
    before: frozenset[str]
    since: dict[str, float] = field(default_factory=dict)
    stop: dict[str, str] = field(default_factory=dict)

    def decision(self, board: _Board) -> Decision:
        hosts = tuple(sorted(self.since))
        state, reason = self._state(board)
        start = tuple(host for host in hosts if host not in self.before)
        stop = tuple(sorted((host, why) for host, why in self.stop.items()))
        return Decision(self.service.name, hosts, state, reason, start, stop)

    def _state(self, board: _Board) -> tuple[State, str]:
        if self.barred is not None:
            return ("stopped" if board.bars(self.service) else "waits"), self.barred
        if len(self.since) >= self.wanted > 0:
            return "runs", f"runs on {', '.join(sorted(self.since))}"
        why = "; ".join(board.refusals(self))
        if not self.since:
            return "waits", f"no host can run it: {why or 'no host is up'}"
        found = f"{len(self.since)} of {self.wanted} replicas run"
        return "short", f"{found}, on {', '.join(sorted(self.since))}; {why or 'no more hosts'}"


class _Board:
    """The hosts of a part, with what is placed on each."""

    def __init__(self, part: Part, now: float) -> None:
        self._part = part
        self._now = now
        self._load: Counter[str] = Counter()
        self._ports: dict[tuple[str, int], str] = {}
        self._lacks: dict[tuple[str, str], tuple[str, ...]] = {}

    # -- 1 and 2: whether it runs here at all

    def bars(self, service: Service) -> str | None:
        """Why the rule for splits keeps a service from running here; None if it does not."""
        if not self._part.split or service.is_spread:
            return None
        if service.on_split == "stop":
            return "the network is split, and its rule is on_split = stop"
        if service.on_split == "run-with-master" and not self._part.elected:
            return (
                "hosts are out of reach, another part may go on with it, as this one is not the "
                "larger, and its rule is on_split = run-with-master"
            )
        return None

    def _wanted(self, service: Service) -> int:
        if service.replicas == EACH_ZONE:
            fit = [host for host in self._part.hosts.values() if not unmet(service.needs, host)]
            return len({host.zone for host in fit})
        return service.replicas

    # -- 3: what stays

    def keep(self, service: Service, running: Collection[Running]) -> _Plan:
        """Begin with what runs and may stay."""
        lacking = unmet_by_network(service.needs, len(self._part.hosts))
        barred = self.bars(service) or ("; ".join(lacking) or None)
        since: dict[str, float] = {}
        for each in (one for one in running if not one.held):
            since[each.host] = min(each.since, since.get(each.host, each.since))
        wanted = 0 if barred else self._wanted(service)
        plan = _Plan(service, barred, wanted, frozenset(since))
        for host in sorted(since, key=lambda host: (since[host], host)):
            reason = barred or self._refusal(service, host) or self._surplus(plan, host)
            if reason is None:
                self._put(plan, host, since[host])
            else:
                plan.stop[host] = reason
        if barred is None:
            self._resume(plan, sorted({one.host for one in running if one.held} - since.keys()))
        return plan

    def _resume(self, plan: _Plan, held: Iterable[str]) -> None:
        """Have those go on that hosts kept, as far as any are missing."""
        for host in held:
            surplus = self._surplus(plan, host)
            if surplus is not None:
                plan.stop[host] = surplus
            elif self._refusal(plan.service, host) is None:
                self._put(plan, host, self._now)

    def _surplus(self, plan: _Plan, host: str) -> str | None:
        """Why one that ran less long is too many."""
        if len(plan.since) >= plan.wanted:
            return f"{plan.wanted} {'is' if plan.wanted == 1 else 'are'} enough"
        zones = self._zones(plan)
        if plan.service.replicas == EACH_ZONE and zones[self._zone(host)]:
            return "one in its zone is enough"
        return None

    # -- 4: what is started

    def fill(self, service: Service, plan: _Plan) -> None:
        """Start what is missing, as far as there are hosts."""
        while len(plan.since) < plan.wanted:
            host = self._best(service, plan, self._part.hosts)
            if host is None:
                return
            self._put(plan, host, self._now)
            plan.stop.pop(host, None)

    def _best(self, service: Service, plan: _Plan, hosts: Iterable[str]) -> str | None:
        zones = self._zones(plan)
        fit = [
            host
            for host in hosts
            if host not in plan.since and self._refusal(service, host) is None
        ]
        if service.replicas == EACH_ZONE:
            fit = [host for host in fit if not zones[self._zone(host)]]
        return min(fit, key=lambda host: self._rank(service, host, zones), default=None)

    def _rank(self, service: Service, host: str, zones: Counter[str]) -> tuple[object, ...]:
        known = self._part.hosts[host]
        crowd = zones[known.zone] if service.spread == "zone" else 0
        return crowd, self._load[host], -known.cores, -known.memory, host

    # -- 5: what moves

    def even_out(self, service: Service, plan: _Plan) -> None:
        """Move replicas to zones that have too few, if hosts there have been up for a while."""
        if service.spread != "zone" or service.replicas == EACH_ZONE:
            return
        settled = [
            host
            for host in self._part.hosts
            if self._now - self._part.up_since.get(host, self._now) >= SETTLED
        ]
        while True:
            target = self._best(service, plan, settled)
            zones = self._zones(plan)
            if target is None or not zones:
                return
            zone, most = max(zones.items(), key=lambda item: (item[1], item[0]))
            if most < zones[self._zone(target)] + 2:
                return
            youngest = max(
                (host for host in plan.since if self._zone(host) == zone),
                key=lambda host: (plan.since[host], host),
            )
            self._take(plan, youngest)
            if youngest in plan.before:
                plan.stop[youngest] = f"{target} is in another zone"
            self._put(plan, target, self._now)
            plan.stop.pop(target, None)

    # -- what is on the board

    def _refusal(self, service: Service, host: str) -> str | None:
        known = self._part.hosts.get(host)
        if known is None:
            return "the host is not here"
        if (service.name, host) not in self._lacks:
            self._lacks[service.name, host] = unmet(service.needs, known)
        reasons = list(self._lacks[service.name, host])
        for port in sorted(ports_of(service.needs)):
            holder = self._ports.get((host, port))
            if holder not in (None, service.name):
                reasons.append(f"its port {port} is had by {holder}")
        return ", ".join(reasons) or None

    def refusals(self, plan: _Plan) -> list[str]:
        """Why hosts where it does not run are no place for it."""
        others = sorted(set(self._part.hosts) - set(plan.since))
        reasons = [(host, self._refusal(plan.service, host)) for host in others]
        return [f"{host}: {reason}" for host, reason in reasons if reason is not None]

    def _put(self, plan: _Plan, host: str, since: float) -> None:
        plan.since[host] = since
        self._load[host] += 1
        for port in ports_of(plan.service.needs):
            self._ports[host, port] = plan.service.name

    def _take(self, plan: _Plan, host: str) -> None:
        del plan.since[host]
        self._load[host] -= 1
        for port in ports_of(plan.service.needs):
            del self._ports[host, port]

    def _zone(self, host: str) -> str:
        return self._part.hosts[host].zone

    def _zones(self, plan: _Plan) -> Counter[str]:
        return Counter(self._zone(host) for host in plan.since)
