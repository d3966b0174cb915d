"""Renting as an actor, for a master that scales: it rents and lets go, one thing after another.

Registered as ``provisioner`` wherever it is started, which needs the inventory and credentials. An
invitation comes with the order: only a person has the owner's key, and makes some in advance.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.childspec import ChildSpec
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.wire_types import register
from simulacra.hosts.provision.cloud.errors import CloudError
from simulacra.hosts.provision.cloud.machines import GRACE
from simulacra.hosts.provision.cloud.renting import Renting

PROVISIONER: Final = "provisioner"
_WAITING: Final = 64

logger = logging.getLogger(__name__)


@register("provision.rent")
@dataclass(frozen=True, slots=True)
class Rent:
    """Have a host's machine exist. Answered with a map: a machine's, and ``is_new``.

    Attributes:
        host: its name.
        join: an invitation and where to use it, ``TOKEN@HOST``.
        template: what it is made by; None where the inventory says.
    """

    host: str
    join: str
    template: str | None = None

    def __repr__(self) -> str:
        return f"<rent {self.host}>"


@register("provision.let_go")
@dataclass(frozen=True, slots=True)
class LetGo:
    """Destroy a host's machine. Answered with the machines that were it, as maps."""

    host: str


@register("provision.machines")
@dataclass(frozen=True, slots=True)
class ListMachines:
    """Answered with the machines of the network, as maps."""


@register("provision.reap")
@dataclass(frozen=True, slots=True)
class Reap:
    """Destroy the orphans. Answered with them, as maps.

    Attributes:
        known: hosts that are known beside those of the inventory.
        grace: seconds that a machine may exist without being known.
    """

    known: list[str]
    grace: float = GRACE


@register("error.cloud")
class ProvisionError(RuntimeError):
    """A cloud does not do what it is asked; the text says why, and what to do."""


class Provisioner(Actor):
    """Answers the messages above in their order, in a thread of its own: clouds are slow.

    Of 64 that wait, the next is refused.

    Args:
        renting: makes what rents, in that thread, when it is needed first.
    """

    def __init__(self, renting: Callable[[], Renting]) -> None:
        self._make = renting
        self._renting: Renting | None = None
        self._orders: queue.Queue[tuple[Any, Reply] | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._work, name="provisioner", daemon=True)

    def on_start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def on_receive(self, message: Any) -> None:
        """See the messages' classes."""
        if not isinstance(message, Rent | LetGo | ListMachines | Reap):
            self.refuse(message)
            return
        reply = self.defer_reply()
        try:
            self._orders.put_nowait((message, reply))
        except queue.Full:
            reply.set_error(ProvisionError(f"{_WAITING} orders wait already; try again later"))

    def on_stop(self, reason: Any) -> None:
        """End after what is begun; who waits is told that the actor has ended."""
        del reason
        with contextlib.suppress(queue.Empty):
            while True:
                self._orders.get_nowait()
        self._orders.put(None)

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            message, reply = order
            try:
                reply.set(self._answer(message))
            except CloudError as error:
                reply.set_error(ProvisionError(": ".join(filter(None, (str(error), error.hint)))))
            except Exception as error:
                logger.exception("%r failed", message)
                reply.set_error(ProvisionError(f"{type(error).__name__}, see the log there"))

    def _answer(self, message: Any) -> Any:
        if self._renting is None:
            self._renting = self._make()
        match message:
            case Rent(host, join, template):
                rented = self._renting.create(host, lambda: join, template)
                return {**rented.machine.to_plain(), "is_new": rented.is_new}
            case LetGo(host):
                return [each.to_plain() for each in self._renting.destroy(host)]
            case Reap(known, grace):
                return [each.to_plain() for each in self._renting.reap(known, grace)]
        return [each.to_plain() for each in self._renting.machines()]


def provisioner_spec(renting: Callable[[], Renting]) -> ChildSpec:
    """The actor, for a supervisor."""
    return ChildSpec(PROVISIONER, Provisioner, (renting,), {"name": PROVISIONER})
