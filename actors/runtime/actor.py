"""The base of every actor's behaviour: callbacks to override, and what an actor may do to others.

A behaviour is a plain object that the runtime makes in the actor's own thread, so nothing of it is
ever touched by two threads. An error in a callback ends the actor with that error as its reason; an
asker gets the error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulacra.actors.runtime.errors import ActorExit
from simulacra.actors.runtime.reason import NORMAL, ExitReason
from simulacra.actors.runtime.signals import ExitSignal

if TYPE_CHECKING:
    from simulacra.actors.runtime.cell import Cell
    from simulacra.actors.runtime.futures import Reply
    from simulacra.actors.runtime.refs import Ref
    from simulacra.actors.runtime.system import ActorSystem
    from simulacra.actors.runtime.timers import Timer


class Actor:
    """Override `on_receive`, and the other callbacks where needed.

    Example::

        class Counter(Actor):
            def __init__(self, start: int = 0) -> None:
                self.count = start

            def on_receive(self, message: int) -> int:
                self.count += message
                return self.count


        ref = system.spawn(Counter, 10)
        ref.ask(5)  # 15
    """

    _cell: Cell  # set before __init__ runs

    # -- callbacks

    def on_start(self) -> None:
        """Called once before the first message; raise to fail the start."""

    def on_receive(self, message: Any) -> Any:
        """Handle a message; what is returned answers an ask.

        Raises:
            NotImplementedError: the actor was not made to receive this.
        """
        raise NotImplementedError(f"{type(self).__qualname__} does not handle {message!r}")

    def refuse(self, message: Any) -> None:
        """Go on after a message that this actor was not made to receive.

        An asker gets the error; what was told is counted as a dead letter. It is for actors that
        must not end because of what another node sends.
        """
        if self._cell.is_asked:
            text = f"{type(self).__qualname__} does not handle {message!r}"
            self.defer_reply().set_error(NotImplementedError(text))
        else:
            self.system.dead_letters.add(self.ref, message)

    def on_stop(self, reason: ExitReason) -> None:
        """Called once at the end, whatever the reason but a kill."""

    # -- who am I

    @property
    def ref(self) -> Ref:
        """This actor's own ref."""
        return self._cell.ref

    @property
    def system(self) -> ActorSystem:
        """The actor system of the node this actor lives in."""
        return self._cell.system

    @property
    def trap_exit(self) -> bool:
        """Whether exits of linked actors arrive as `Exit` messages instead of ending this one."""
        return self._cell.ties.trap_exit

    @trap_exit.setter
    def trap_exit(self, value: bool) -> None:
        self._cell.ties.trap_exit = value

    # -- other actors

    def spawn(self, behaviour: type[Actor], *args: Any, link: bool = True, **kwargs: Any) -> Ref:
        """Start an actor linked to this one; options as for `ActorSystem.spawn`."""
        ref: Ref = self._cell.system.spawn(
            behaviour, *args, parent=self._cell if link else None, **kwargs
        )
        return ref

    def link(self, ref: Ref) -> None:
        """Share one fate with an actor: when one of the two ends badly, the other gets the exit."""
        self._cell.ties.link(ref)

    def unlink(self, ref: Ref) -> None:
        """End a link; an `Exit` of it that already waits is taken out."""
        self._cell.ties.unlink(ref)

    def monitor(self, ref: Ref) -> int:
        """Watch an actor: exactly one `Down` with the returned number arrives when it ends."""
        return self._cell.ties.monitor(ref)

    def demonitor(self, monitor: int, *, flush: bool = True) -> None:
        """Stop watching; with ``flush``, a `Down` that already waits is taken out as well."""
        self._cell.ties.demonitor(monitor, flush=flush)

    def send_exit(self, ref: Ref, reason: ExitReason) -> None:
        """Send an exit signal, as if this actor had ended with ``reason``, and live on."""
        ref.signal(ExitSignal(self.ref, reason, linked=False))

    def exit(self, reason: ExitReason = NORMAL) -> None:
        """End this actor now.

        Raises:
            ActorExit: always; let it pass.
        """
        raise ActorExit(reason)

    # -- time

    def send_after(self, delay: float, message: Any) -> Timer:
        """Tell this actor ``message`` in ``delay`` seconds, unless cancelled or ended before."""
        return self._cell.start_timer(delay, message, None)

    def send_every(self, period: float, message: Any) -> Timer:
        """Tell this actor ``message`` every ``period`` seconds."""
        return self._cell.start_timer(period, message, period)

    # -- answering later

    def defer_reply(self) -> Reply:
        """Take over the answer to the ask in hand: whoever holds the result sets it, now or later.

        Raises:
            RuntimeError: the message in hand was told, not asked.
        """
        return self._cell.defer_reply()


def is_actor_class(behaviour: object) -> bool:
    """Whether it is a class of actors, as one that is to be started must be."""
    return isinstance(behaviour, type) and issubclass(behaviour, Actor)
