"""What runs services on a host: does what the master orders, and says what runs here.

A service's replica is a computation like any other, started by an order instead of by a user. It is
named like the service, with the host's name behind it where there are several: ``web.nas``. Which
computations are services' is kept in a file, so that it is known again after a restart.
After that a replica is *held*: it goes on when a master orders it, which may be this host itself,
and not before, since the service may run elsewhere by now.

Every order carries the epoch of the master that gives it. One of an older epoch than this host has
seen is refused: it comes from a master that is none any more (fencing). While a part of this node
that it needs is away or too slow, what is asked is answered with an error, and asked again later.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulacra.actors.compute.computation import COMPUTATIONS
from simulacra.actors.compute.computations import Begin, ListThem, NameInUseError, is_living
from simulacra.actors.compute.computing import HELD, Described, GoOn, StopIt
from simulacra.actors.private_files import replace_private
from simulacra.actors.runtime import Actor, ActorDeadError, AskTimeoutError
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.wire_types import register

SERVICES: Final = "services"
Epoch = tuple[int, str]
_KEPT: Final = 1000

logger = logging.getLogger(__name__)


@register("services.start")
@dataclass(frozen=True, slots=True)
class Start:
    """Run a replica here, or let the held one go on. Answered with its party once it runs.

    Attributes:
        epoch: of the master that orders it.
        service: the service's name.
        name: the replica's name in the network.
        spec: `Spec.to_plain` of what runs.
    """

    epoch: list[Any]
    service: str
    name: str
    spec: dict[str, Any]


@register("services.stop")
@dataclass(frozen=True, slots=True)
class Stop:
    """Run no replica of a service here any more. Answered when it has ended."""

    epoch: list[Any]
    service: str
    reason: str


@register("services.list")
@dataclass(frozen=True, slots=True)
class WhatRuns:
    """Answered with a list of `Replica`, of what runs here or ended here."""


@register("services.replica")
@dataclass(frozen=True, slots=True)
class Replica:
    """A replica of a service on this host.

    Attributes:
        service: the service's name.
        party: the computation.
        state: the computation's.
        since: when it was started, in seconds since the epoch; None before.
        ended: when it ended; None before.
        why: why it ended or first failed, in words; empty for neither.
        spec: the `spec_digest` of what it was started as.
    """

    service: str
    party: str
    state: str
    since: float | None
    ended: float | None
    why: str
    spec: str = ""


def spec_digest(spec: Mapping[str, Any]) -> str:
    """What tells one spec from another."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True, default=repr).encode()).hexdigest()[:16]


@register("error.stale-epoch")
class StaleEpochError(RuntimeError):
    """An order comes from a master that is none any more."""


class ServiceRunner(Actor):
    """See the module.

    Args:
        file: where it keeps which computations are services'.
        admits: whether an order of this epoch may be carried out.
    """

    def __init__(self, file: Path, admits: Callable[[Epoch], bool]) -> None:
        self._file = file
        self._admits = admits
        self._parties, self._specs = _read(file)

    def on_receive(self, message: Any) -> Any:
        """See the messages' classes."""
        try:
            return self._answer(message)
        except (ActorDeadError, AskTimeoutError) as error:
            self.defer_reply().set_error(error)
            return None

    def _answer(self, message: Any) -> Any:
        match message:
            case Start(epoch) | Stop(epoch) if not self._admits((epoch[0], epoch[1])):
                self._refuse_stale(*epoch)
            case Start():
                return self._start(message)
            case Stop():
                self._stop(message)
            case WhatRuns():
                return self._replicas()
            case _:
                self.refuse(message)
        return None

    def _refuse_stale(self, counter: int, host: str) -> None:
        text = f"an order of {host}, master in epoch {counter}, is refused: there is a newer one"
        logger.warning("%s", text)
        self.defer_reply().set_error(StaleEpochError(text))

    def _start(self, order: Start) -> str | None:
        party, described = self._parties.get(order.service), self._described()
        computations = self.system.ref(COMPUTATIONS)
        if party in described and is_living(described[party]):
            if described[party].state == HELD:
                computations.ask(GoOn(party))
            return party
        try:
            begun = computations.ask(Begin(order.spec, order.name, service=order.service))
            self._parties[order.service] = str(begun.party)
            self._specs[order.service] = spec_digest(order.spec)
            self._forget(described)
            kept = {name: [each, self._specs[name]] for name, each in self._parties.items()}
            replace_private(self._file, json.dumps(kept))
        except (NameInUseError, OSError) as error:
            self.defer_reply().set_error(error)
            return None
        return self._parties[order.service]

    def _forget(self, described: Collection[str]) -> None:
        """Of services of long ago nothing is kept; a few that have not described themselves are."""
        if len(self._parties) > _KEPT:
            gone = [name for name, party in self._parties.items() if party not in described]
            for name in gone[:-_KEPT]:
                del self._parties[name], self._specs[name]

    def _stop(self, order: Stop) -> None:
        party, described = self._parties.get(order.service), self._described()
        reply = self.defer_reply()
        if party not in described or not is_living(described[party]):
            reply.set(None)
            return
        logger.info("service %s is stopped here: %s", order.service, order.reason)
        ended = self.system.ref(COMPUTATIONS).ask(StopIt(party), block=False, timeout=None)
        ended.on_answer(lambda answer: _pass_on(answer, reply))

    def _described(self) -> dict[str, Described]:
        listed = self.system.ref(COMPUTATIONS).ask(ListThem())
        return {each.party: each for each, _ in listed}

    def _replicas(self) -> list[Replica]:
        described = self._described()
        return [
            _replica(service, described[party], self._specs[service])
            for service, party in self._parties.items()
            if party in described
        ]


def _replica(service: str, one: Described, spec: str) -> Replica:
    why = "" if one.reason is None else str(one.reason["text"])
    return Replica(service, one.party, one.state, one.since, one.ended, why, spec)


def _pass_on(answer: Reply, reply: Reply) -> None:
    _, error = answer.outcome()
    if error is None:
        reply.set(None)
    else:
        reply.set_error(error)


def _read(file: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The parties, and the digests of their specs, by service."""
    try:
        kept = [(name, *told) for name, told in json.loads(file.read_text()).items()]
        parties = {str(name): str(party) for name, party, _ in kept}
        return parties, {str(name): str(spec) for name, _, spec in kept}
    except FileNotFoundError:
        return {}, {}
    except (ValueError, TypeError, AttributeError):
        logger.exception("%s is damaged: services that ran here are started anew", file)
        return {}, {}
