"""Local targets that are no cells: a watch from outside, a dead end, a name.

Each takes what a cell takes, so that whoever holds a ref or brings mail from another node need not
ask what is at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from simulacra.actors.runtime.errors import ActorDeadError
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.reason import NOPROC, ExitReason
from simulacra.actors.runtime.refs import Address, Ref, Target
from simulacra.actors.runtime.signals import DownSignal, ExitSignal, Link, Monitor, Signal, Stop
from simulacra.actors.runtime.waiting_room import OnRoom

if TYPE_CHECKING:
    from simulacra.actors.runtime.system import ActorSystem


class LocalTarget(Target, Protocol):
    """The way to a local actor, for a thread that may not wait."""

    def offer(self, message: Any, reply: Reply | None, on_room: OnRoom | None = None) -> bool:
        """Deliver mail; False when it was parked until ``on_room`` is called."""


class Nowhere:
    """The way to an actor that is not there: mail becomes dead letters, asks and signals fail."""

    def __init__(self, system: ActorSystem, address: Address, reason: ExitReason) -> None:
        self.ref = Ref(address, self)
        self._system = system
        self._reason = reason

    def tell(self, message: Any) -> None:
        """Count a dead letter."""
        self._system.dead_letters.add(self.ref, message)

    def ask(self, message: Any, reply: Reply) -> None:
        """Answer with the reason why nobody is there."""
        del message
        reply.set_error(ActorDeadError(f"{self.ref} is dead: {self._reason}", self._reason))

    def offer(self, message: Any, reply: Reply | None, _: OnRoom | None = None) -> bool:
        """As `tell` and `ask`, which never wait."""
        self.tell(message) if reply is None else self.ask(message, reply)
        return True

    def signal(self, signal: Signal) -> None:
        """Answer what would have been answered at the actor's end."""
        match signal:
            case Link(sender):
                sender.signal(ExitSignal(self.ref, self._reason))
            case Monitor(monitor, watcher):
                watcher.signal(DownSignal(monitor, self.ref, self._reason))
            case Stop(_, stopped) if stopped is not None:
                stopped.set(None)

    def is_alive(self) -> bool:
        """Never."""
        return False


class Watch(Nowhere):
    """The receiving end of `ActorSystem.watch`: no actor, only a reply with the reason."""

    def __init__(self, system: ActorSystem, watch_id: int) -> None:
        super().__init__(system, (system.name, system.incarnation, watch_id), NOPROC)
        self.id = watch_id
        self.reason = Reply()

    def signal(self, signal: Signal) -> None:
        """Take the news of the end that is waited for."""
        if isinstance(signal, DownSignal):
            self.reason.set(signal.reason)
        else:
            super().signal(signal)


class Named:
    """The way to whoever has a name when a message comes."""

    def __init__(self, system: ActorSystem, name: str) -> None:
        self._system = system
        self._name = name

    def _holder(self) -> LocalTarget:
        return self._system.local_target(self._name)

    def tell(self, message: Any) -> None:
        """Tell whoever has the name now."""
        self._holder().tell(message)

    def ask(self, message: Any, reply: Reply) -> None:
        """Ask whoever has the name now."""
        self._holder().ask(message, reply)

    def signal(self, signal: Signal) -> None:
        """Signal to whoever has the name now."""
        self._holder().signal(signal)

    def is_alive(self) -> bool:
        """Whether anybody has the name now."""
        return self._holder().is_alive()
