"""The master's part in services: decides where each is to run, and orders it.

Once a second it looks at what the network is and what runs in it, has `services.place` decide, and
orders what differs; an order is given again until it shows. A replica that ended by itself is
started again after a rest, doubled from `REST` to `LONGEST_REST` while it fails. What was decided,
and why, is kept for whoever asks (``simulacra service``): it is never older than a second.

It lives as long as this host is master. A master that was stopped and wakes up orders nothing that
counts: its epoch is refused.

A host that is there and does not answer in time is taken to run what it ran, until it is lost: it
is only slow, and what it runs is not started twice. A service that the records of this side of a
split do not have, and did not have before, is left alone: the other side's may.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeGuard

from simulacra.actors.cluster.needs import NeedsError
from simulacra.actors.cluster.service_spec import Service, ServiceError
from simulacra.actors.cluster.services import Decision, Part, Running, place
from simulacra.actors.compute.computing import HELD
from simulacra.actors.compute.service_runner import (
    SERVICES,
    Epoch,
    Replica,
    Start,
    Stop,
    WhatRuns,
    spec_digest,
)
from simulacra.actors.runtime import Actor, ActorDeadError, AskTimeoutError
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.wire_types import register

SERVICE_MASTER: Final = "service-master"
EVERY: Final = 1.0
REST: Final = 1.0
LONGEST_REST: Final = 60.0
_LOOK_TIMEOUT: Final = 2.0
_UNDECIDED: Final = "it was told a moment ago: where it is to run is decided within a second"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """A service that the user wants.

    Attributes:
        told: what it is to be, as `Service.read` takes it.
        spec: what runs, as `Spec.to_plain` gives it.
    """

    told: Mapping[str, Any]
    spec: Mapping[str, Any]


register("services.decision")(Decision)


@register("services.shown")
@dataclass(frozen=True, slots=True)
class Shown:
    """How a service is.

    Attributes:
        told: what it is to be.
        decision: what was decided, None for one that cannot be read.
        replicas: what runs, or ended last, by host.
        problem: why it cannot be read, or started somewhere; empty for neither.
    """

    told: Mapping[str, Any]
    decision: Decision | None = None
    replicas: Mapping[str, Replica] = field(default_factory=dict)
    problem: str = ""


@register("services.show")
@dataclass(frozen=True, slots=True)
class ShowServices:
    """Answered with a map of `Shown` by service."""


class _Look:
    """Time to decide again."""


@dataclass(frozen=True, slots=True)
class _Answered:
    """An order was carried out, or could not be: why."""

    service: str
    host: str
    why: str


class ServiceMaster(Actor):
    """See the module.

    Args:
        epoch: this host's, as master.
        wanted: the services that the user wants, by name.
        part: this part of the network.
    """

    def __init__(
        self,
        epoch: Epoch,
        wanted: Callable[[], Mapping[str, Wanted]],
        part: Callable[[], Part],
    ) -> None:
        self._epoch = list(epoch)
        self._wanted = wanted
        self._part = part
        self._shown: dict[str, Shown] = {}
        self._rests: dict[tuple[str, str], tuple[float, float]] = {}  # length, until when
        self._ended: dict[tuple[str, str], list[str]] = {}  # the parties that ended by themselves
        self._problems: dict[str, str] = {}
        self._under_way: set[tuple[str, str]] = set()
        self._found: dict[str, dict[str, Replica]] = {}
        self._known: set[str] = set()

    def on_start(self) -> None:
        """Begin to look."""
        self.send_after(EVERY, _Look())

    def on_receive(self, message: Any) -> Any:
        """See the messages' classes."""
        match message:
            case _Look():
                self._decide()
                self.send_after(EVERY, message)  # not by the clock: to look may take longer
            case ShowServices():
                return self._all_shown()
            case _Answered(service, host, why):
                self._under_way.discard((service, host))
                if why:
                    self._rest(service, host)
                    self._problems[service] = f"on {host}: {why}"
            case _:
                self.refuse(message)
        return None

    def _decide(self) -> None:
        part, wanted = self._part(), self._wanted()
        found = self._replicas(part)
        self._found = {host: found.get(host, self._found.get(host, {})) for host in part.hosts}
        self._known |= wanted.keys()
        services, unreadable = _read(wanted)
        running = _running(self._found)
        decisions = place(services.values(), part, running, time.time())
        for decision in decisions:
            self._order(services[decision.service], wanted[decision.service], decision, found)
        self._stop_unwanted(found, wanted, part)
        self._forget(wanted)
        shown = {each.service: self._show(wanted[each.service], each) for each in decisions}
        self._shown = shown | {
            name: Shown(wanted[name].told, problem=why) for name, why in unreadable.items()
        }

    def _stop_unwanted(
        self,
        found: Mapping[str, Mapping[str, Replica]],
        wanted: Mapping[str, Wanted],
        part: Part,
    ) -> None:
        """Stop what the user wants no more, or wants to be another: that is then started anew."""
        for host, replicas in found.items():
            for name in filter(lambda name: _lives(replicas[name]), replicas):
                if name in wanted:
                    if replicas[name].spec != spec_digest(wanted[name].spec):
                        self._problems.pop(name, None)
                        self._stop(name, host, "it was changed")
                elif name in self._known or not part.split:
                    self._stop(name, host, "the user wants it no more")

    def _forget(self, wanted: Collection[str]) -> None:
        """Keep nothing of services that are wanted no more and run nowhere."""
        run = {name for each in self._found.values() for name in each if _lives(each[name])}
        self._known &= run.union(wanted)
        self._rests = {key: rest for key, rest in self._rests.items() if key[0] in wanted}
        self._ended = {key: ended for key, ended in self._ended.items() if key[0] in wanted}
        self._problems = {name: why for name, why in self._problems.items() if name in wanted}

    def _all_shown(self) -> dict[str, Shown]:
        """As it was decided last, and what the user wants since then."""
        new = {
            name: Shown(dict(wanted.told), problem=_UNDECIDED)
            for name, wanted in self._wanted().items()
            if name not in self._shown
        }
        return self._shown | new

    def _show(self, wanted: Wanted, decision: Decision) -> Shown:
        name = decision.service
        replicas = {host: each[name] for host, each in self._found.items() if name in each}
        return Shown(dict(wanted.told), decision, replicas, self._problems.get(name, ""))

    def _replicas(self, part: Part) -> dict[str, dict[str, Replica]]:
        """What runs on each host that answers, by service."""
        asked = {
            host: self.system.ref(f"{SERVICES}@{host}").ask(WhatRuns(), block=False)
            for host in part.hosts
        }
        deadline = time.monotonic() + _LOOK_TIMEOUT
        found: dict[str, dict[str, Replica]] = {}
        for host, answer in asked.items():
            try:
                replicas = answer.get(timeout=max(0.0, deadline - time.monotonic()))
            except (ActorDeadError, AskTimeoutError, NotImplementedError):
                continue  # it is asked again in a second
            except Exception:  # whatever ails one host, the services of the others go on
                logger.exception("%s does not say which services run there", host)
                continue
            found[host] = {each.service: each for each in replicas}
        return found

    # -- orders

    def _order(
        self,
        service: Service,
        wanted: Wanted,
        decision: Decision,
        found: Mapping[str, Mapping[str, Replica]],
    ) -> None:
        for host in decision.start:
            replica = found.get(host, {}).get(service.name)
            # One that is held and was changed is stopped first, see `_stop_unwanted`.
            changed = _is_held(replica) and replica.spec != spec_digest(wanted.spec)
            if host in found and not changed and self._may_start(service.name, host, replica):
                name = service.name if _is_single(service) else f"{service.name}.{host}"
                order = Start(self._epoch, service.name, name, dict(wanted.spec))
                self._send(service.name, host, order)
        for host, reason in decision.stop:
            self._stop(service.name, host, reason)

    def _may_start(self, service: str, host: str, replica: Replica | None) -> bool:
        """Whether its rest after it ended by itself is over."""
        if replica is not None and replica.ended is not None:
            ended = self._ended.setdefault((service, host), [])
            if replica.party not in ended[-1:]:
                ended.append(replica.party)
                self._rest(service, host)
                times = "once" if len(ended) == 1 else f"{len(ended)} times"
                why = replica.why or "it returned"
                self._problems[service] = f"it ended {times} on {host}, the last time: {why}"
        return time.time() >= self._rests.get((service, host), (0.0, 0.0))[1]

    def _rest(self, service: str, host: str) -> None:
        before, until = self._rests.get((service, host), (0.0, 0.0))
        now = time.time()
        if now < until:
            return
        length = min(2 * before, LONGEST_REST) if now - until < LONGEST_REST and before else REST
        self._rests[service, host] = (length, now + length)

    def _stop(self, service: str, host: str, reason: str) -> None:
        self._send(service, host, Stop(self._epoch, service, reason))

    def _send(self, service: str, host: str, order: Start | Stop) -> None:
        if (service, host) in self._under_way:
            return
        self._under_way.add((service, host))
        answer = self.system.ref(f"{SERVICES}@{host}").ask(order, block=False, timeout=None)
        answer.on_answer(partial(self._answered, service, host))

    def _answered(self, service: str, host: str, answer: Reply) -> None:
        """In the thread that answers."""
        _, error = answer.outcome()
        if error is not None:
            logger.warning("service %s on %s: %s", service, host, error)
        self.ref.tell(_Answered(service, host, "" if error is None else str(error)))


def _read(wanted: Mapping[str, Wanted]) -> tuple[dict[str, Service], dict[str, str]]:
    services: dict[str, Service] = {}
    unreadable: dict[str, str] = {}
    for name, each in wanted.items():
        try:
            services[name] = Service.read(name, each.told)
        except (ServiceError, NeedsError) as error:
            unreadable[name] = str(error)
    return services, unreadable


def _running(found: Mapping[str, Mapping[str, Replica]]) -> dict[str, list[Running]]:
    running: dict[str, list[Running]] = {}
    for host, replicas in found.items():
        for replica in replicas.values():
            if _lives(replica):
                since = replica.since if replica.since is not None else time.time()
                one = Running(host, since, held=_is_held(replica))
                running.setdefault(replica.service, []).append(one)
    return running


def _is_held(replica: Replica | None) -> TypeGuard[Replica]:
    return replica is not None and replica.state == HELD


def _lives(replica: Replica) -> bool:
    return replica.ended is None and replica.state not in {"left", "arriving"}


def _is_single(service: Service) -> bool:
    return service.replicas == 1 and not service.is_spread
