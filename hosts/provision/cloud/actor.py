"""Renting as an actor, for a master that scales: it rents and lets go, one thing after another.

Registered as ``provisioner`` on hosts that have the inventory and credentials: see
`simulacra.hosts.provision.cloud.of_node`. Only hosts inside the network reach it. An invitation
comes with the order: only a person has the owner's key, and makes some in advance.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.childspec import ChildSpec
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.wire_types import register
from simulacra.actors.threads import start_thread
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
        known: hosts that are known beside the inventory's and the network's.
        grace: seconds that a machine may exist without being known.
    """

    known: list[str]
    grace: float = GRACE


@register("error.cloud")
class ProvisionError(RuntimeError):
    """A cloud does not do what it is asked; the text says why, and what to do."""


class _Done:
    """An order is carried out; the next one may be begun."""


class Provisioner(Actor):
    """Answers the messages above in their order, each in a thread: clouds are slow.

    Of 64 that wait, the next is refused. When it ends, what is begun is finished, and what waits is
    not begun: who asked for either is told that the actor has ended.

    Args:
        renting: gives what rents, in such a thread, at each order.
        members: the hosts of the network, which are no orphans.
    """

    def __init__(
        self, renting: Callable[[], Renting], members: Callable[[], Collection[str]] = tuple
    ) -> None:
        self._renting, self._members = renting, members
        self._waiting: deque[tuple[Any, Reply]] = deque()
        self._works = False

    def on_receive(self, message: Any) -> None:
        """See the messages' classes."""
        match message:
            case Rent() | LetGo() | ListMachines() | Reap():
                self._take(message, self.defer_reply())
            case _Done():
                self._works = False
                if self._waiting:
                    self._begin(*self._waiting.popleft())
            case _:
                self.refuse(message)

    def _take(self, message: Any, reply: Reply) -> None:
        if not self._works:
            self._begin(message, reply)
        elif len(self._waiting) < _WAITING:
            self._waiting.append((message, reply))
        else:
            reply.set_error(ProvisionError(f"{_WAITING} orders wait already; try again later"))

    def _begin(self, message: Any, reply: Reply) -> None:
        self._works = True
        try:
            start_thread(self._work, message, reply, self.ref, name="provisioner")
        except OSError as error:
            reply.set_error(ProvisionError(error.strerror))
            self.ref.tell(_Done())

    def _work(self, message: Any, reply: Reply, me: Ref) -> None:
        try:
            reply.set(self._answer(message))
        except CloudError as error:
            reply.set_error(ProvisionError(": ".join(filter(None, (str(error), error.hint)))))
        except Exception as error:
            logger.exception("%r failed", message)
            reply.set_error(ProvisionError(f"{type(error).__name__}, see the log there"))
        finally:
            me.tell(_Done())

    def _answer(self, message: Any) -> Any:
        renting = self._renting()
        match message:
            case Rent(host, join, template):
                rented = renting.create(host, lambda: join, template)
                return {**rented.machine.to_plain(), "is_new": rented.is_new}
            case LetGo(host):
                return [each.to_plain() for each in renting.destroy(host)]
            case Reap(known, grace):
                everybody = {*known, *self._members()}
                return [each.to_plain() for each in renting.reap(everybody, grace)]
        return [each.to_plain() for each in renting.machines()]


def provisioner_spec(
    renting: Callable[[], Renting], members: Callable[[], Collection[str]] = tuple
) -> ChildSpec:
    """The actor, for a supervisor."""
    return ChildSpec(PROVISIONER, Provisioner, (renting, members), {"name": PROVISIONER})
