"""The computations of a node: one actor each, in a pool, and the table that finds them.

The table is registered as ``computations``. It starts what is spawned here, brings the messages of
the moving protocol to whom they concern (an offer makes the computation's actor), and after a
restart of the node starts again what its folders say. Everything that is for one computation, and
names its party, is passed on to its actor, which answers.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors.compute import moves as m
from simulacra.actors.compute import standing
from simulacra.actors.compute.computation import COMPUTATIONS, SERVICE, Computation
from simulacra.actors.compute.computing import (
    Await,
    Carry,
    Described,
    GetResult,
    GoOn,
    Here,
    Look,
    Migrate,
    ReadOutput,
    StopIt,
    Type,
)
from simulacra.actors.compute.post_messages import POST, Complete, Forget
from simulacra.actors.compute.records import Standing
from simulacra.actors.compute.services import Services
from simulacra.actors.compute.spec import Spec
from simulacra.actors.compute.store import Kept
from simulacra.actors.runtime import Actor, Ref
from simulacra.actors.runtime.childspec import ChildSpec, Flags
from simulacra.actors.runtime.errors import StartError
from simulacra.actors.runtime.reason import NORMAL
from simulacra.actors.runtime.supervision import SupervisorHandle
from simulacra.actors.runtime.supervisor import Supervisor
from simulacra.actors.runtime.wire_types import register

__all__ = [
    "COMPUTATIONS",
    "POOL",
    "Begin",
    "Computations",
    "ListThem",
    "NameInUseError",
    "UnknownComputationError",
    "is_living",
    "pool_spec",
]

logger = logging.getLogger(__name__)

POOL: Final = "computations-pool"
EXPIRE_EVERY: Final = 600.0
LEFT_SECONDS: Final = 3600.0
"""How long the stub of a computation that left forwards mail, and answers who is in doubt."""

_FOR_ONE: Final = (Migrate, StopIt, GoOn, Await, Look, ReadOutput, Type, GetResult)


@register("compute.begin")
@dataclass(frozen=True, slots=True)
class Begin:
    """Start a computation here. Answered with `Described` once its actor runs.

    Attributes:
        spec: `Spec.to_plain`.
        name: its name in the network, found to be free.
        folder: where a command runs, if there is such a folder; else in one of its own.
        service: the service that it is a replica of: at the node's next start it is held.
    """

    spec: dict[str, Any]
    name: str
    folder: str | None = None
    service: str = ""


@register("compute.list")
@dataclass(frozen=True, slots=True)
class ListThem:
    """Answered with a list of (`Described`, seconds since that was said)."""


class _Expire:
    """Time to remove what has been kept long enough."""


@register("error.unknown-computation")
class UnknownComputationError(LookupError):
    """No such computation is here, or was."""


@register("error.name-in-use")
class NameInUseError(ValueError):
    """A computation of that name runs."""


def pool_spec() -> ChildSpec:
    """The pool of the computations' actors, to stand before the table."""
    template = ChildSpec("computation", Computation, restart="transient")
    return ChildSpec(
        POOL,
        Supervisor,
        (Flags(strategy="simple_one_for_one", intensity=10, period=10.0), [template]),
        {"name": POOL},
        kind="supervisor",
    )


class Computations(Actor):
    """See the module.

    Args:
        services: what the node provides for computations.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._actors: dict[str, Ref] = {}
        self._described: dict[str, tuple[Described, float]] = {}
        self._begun: dict[str, str] = {}  # names of those that have not described themselves yet

    def on_start(self) -> None:
        """Start again what was here before."""
        pool = self.system.whereis(POOL)
        if pool is None:
            raise RuntimeError(f"{POOL} has to be started before {COMPUTATIONS}")
        self._pool = SupervisorHandle(pool)
        self._services.store.expire()
        for party in self._services.store:
            try:
                self._start(party)
            except StartError:
                logger.exception("the computation %s cannot be started again", party)
        self.system.ref(POST).tell(Complete())
        self.send_every(EXPIRE_EVERY, _Expire())

    def on_receive(self, message: Any) -> Any:
        """See the messages' classes."""
        match message:
            case Described():
                self._described[message.party] = message, time.monotonic()
                self._begun.pop(message.party, None)
            case Here(party, ref):
                self._actors[party] = ref
            case Begin():
                return self._begin(message)
            case ListThem():
                now = time.monotonic()
                return [(described, now - then) for described, then in self._described.values()]
            case Carry():
                self._carry(message)
            case m.HostLost() | m.HostMet():
                for ref in self._actors.values():
                    ref.tell(message)
            case _Expire():
                self._expire()
            case _ if isinstance(message, _FOR_ONE):
                self._pass_on(message)
            case _:
                self.refuse(message)
        return None

    def _start(self, party: str) -> Ref:
        ref = self._pool.start_dynamic_child(party, self._services, self.ref)
        if ref is None:
            raise StartError(f"{party} did not want to start", NORMAL)
        self._actors[party] = ref
        return ref

    def _begin(self, begin: Begin) -> Described | None:
        if begin.name in self._living_names():
            error = NameInUseError(f"a computation called {begin.name} runs here already")
            self.defer_reply().set_error(error)
            return None
        party = f"{begin.name}#{secrets.token_hex(8)}"
        kept = self._services.store.of(party)
        try:
            kept.write_spec(Spec.from_plain(begin.spec))
            kept.write_record("folder", begin.folder)
            if begin.service:
                kept.write_record(SERVICE, begin.service)
            kept.write_record("moving", standing.to_plain(Standing(active=0, ran=0)))
            ref = self._start(party)
        except (OSError, ValueError, StartError) as error:
            kept.remove()
            self.defer_reply().set_error(OSError(str(error)))
            return None
        logger.info("%s begins here", party)
        self._begun[party] = begin.name
        ref.forward(Look(party), self.defer_reply())
        return None

    def _living_names(self) -> set[str]:
        living = (each for each, _ in self._described.values() if is_living(each))
        return {each.name for each in living} | set(self._begun.values())

    def _carry(self, carry: Carry) -> None:
        party = carry.message.name
        ref = self._actors.get(party)
        if ref is None or not ref.is_alive():
            if not isinstance(carry.message, m.Offer | m.Install) and (
                party not in self._services.store
            ):
                logger.info("%s is about %s, which was never here", carry.message, party)
                return
            try:
                ref = self._start(party)
            except StartError:
                logger.exception("%s of %s cannot be taken up", type(carry.message), party)
                return  # the other side asks again, or gives up
        ref.tell(carry)

    def _pass_on(self, message: Any) -> None:
        ref = self._actors.get(message.party)
        if isinstance(message, Type):
            if ref is not None:
                ref.tell(message)
        elif ref is None:
            error = UnknownComputationError(f"{message.party} is not here, and never was")
            self.defer_reply().set_error(error)
        else:
            ref.forward(message, self.defer_reply())

    def _expire(self) -> None:
        for party in self._services.store.expire():
            self._forget(party)
        before = time.time() - LEFT_SECONDS
        for party in self._services.store:
            if is_left_over(self._services.store.of(party), before):
                self._forget(party)
                self._services.store.of(party).remove()

    def _forget(self, party: str) -> None:
        self._described.pop(party, None)
        ref = self._actors.pop(party, None)
        if ref is not None:
            ref.stop(block=False)
        self.system.ref(POST).tell(Forget(party))


def is_left_over(kept: Kept, before: float) -> bool:
    """Whether a folder is of a computation that left, or never came, before a POSIX time."""
    if kept.is_finished:
        return False
    record = kept.read_records().get("moving")
    changed = max(path.stat().st_mtime for path in (kept.folder, *kept.folder.glob("record-*")))
    elsewhere = record is None or standing.from_plain(record).is_elsewhere
    return elsewhere and changed < before


def is_living(described: Described) -> bool:
    """Whether a computation has its name still."""
    return described.state not in {"done", "failed", "stopped", "left"}
