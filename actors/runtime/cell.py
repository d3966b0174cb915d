"""A cell: one actor's life, from its start to the news of its end.

A cell lives in the actor's own thread (`actor_thread`), is written to and signalled by any, and
ends once, by whichever comes first: the behaviour stops or fails (in its thread), or it is killed
(in the killer's thread). The end closes the mailbox, answers everybody who still waits, and only
then tells those who are linked or watch. So whoever got an actor's error finds the actor dead and
its name free. An actor that ends before it has started tells whoever starts it by an error, and not
by the link as well. A thread that was busy in user code when its actor was killed cannot be ended;
it is counted as *abandoned* until it returns.

Its links and monitors are its `ties`. Signals are handled at once, in the thread that brings them.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, Any

from simulacra.actors.runtime._pykka import Shell
from simulacra.actors.runtime.actor_thread import live
from simulacra.actors.runtime.errors import (
    ActorDeadError,
    IgnoreStart,
    MailboxFullError,
    StartError,
)
from simulacra.actors.runtime.futures import Reply, cells
from simulacra.actors.runtime.mailbox import Mailbox
from simulacra.actors.runtime.reason import KILLED, NOPROC, ExitReason
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.signals import Kill, Resume, Signal, Stop, Suspend
from simulacra.actors.runtime.ties import HANDLERS as TIES
from simulacra.actors.runtime.ties import Ties
from simulacra.actors.runtime.timers import Timer
from simulacra.actors.runtime.waiting_room import OnRoom

if TYPE_CHECKING:
    from simulacra.actors.runtime.actor import Actor
    from simulacra.actors.runtime.system import ActorSystem


class Cell:
    """Everything the runtime knows of one local actor; the target of its local refs.

    Attributes:
        name: under which it is registered, if it is; the system's.
        arguments: for its behaviour, until that is made.
        started: answered with its ref, or with why it did not start.
        behaviour: from its start to its thread's end.
        in_hand: who waits for an answer to the message that is being handled.
        exit_reason: why it has ended; None while it lives.
        returned: whether its thread is at its end; the system's.
    """

    def __init__(
        self,
        system: ActorSystem,
        actor_id: int,
        behaviour: type[Actor],
        mailbox: Mailbox,
        parent: Cell | None,
    ) -> None:
        self.system = system
        self.id = actor_id
        self.ref = Ref((system.name, system.incarnation, actor_id), self)
        self.behaviour_class = behaviour
        self.mailbox = mailbox
        self.parent = None if parent is None else parent.ref
        self.ties = Ties(self, mailbox, self.parent)
        self.name: str | None = None
        self.arguments: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        self.started = Reply()
        self.behaviour: Actor | None = None
        self.in_hand: Reply | None = None
        self.exit_reason: ExitReason | None = None
        self.returned = False
        self._lock = threading.Lock()
        self._deferred: set[Reply] = set()
        self._stoppers: list[Reply] = []
        self._timers: weakref.WeakSet[Timer] | None = None  # made for the few that have any

    # -- the life

    def start(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Begin to live, in a thread of its own; `started` is answered when it is known how."""
        self.arguments = args, kwargs
        try:
            Shell(self).start_thread()
        except RuntimeError as error:  # the process has no thread left to give
            self._end(ExitReason.of_error(error))
            self.system.thread_returned(self)

    def run(self) -> None:
        """The actor's thread, from start to end."""
        cells[get_ident()] = self
        try:
            self._end(live(self))
        finally:
            del cells[get_ident()]
            self.behaviour = None
            self.system.thread_returned(self)

    def has_begun(self, behaviour: Actor) -> ExitReason | None:
        """The behaviour has started; the reason to end, if the cell was killed meanwhile."""
        with self._lock:
            if self.exit_reason is not None:
                return self.exit_reason
            self.behaviour = behaviour
        self.started.set(self.ref)
        return None

    def _start_error(self, reason: ExitReason) -> Exception:
        if isinstance(reason.exception, IgnoreStart):
            return reason.exception
        text = f"{self.behaviour_class.__qualname__} did not start: {reason}"
        error = StartError(text, reason)
        error.__cause__ = reason.exception
        return error

    def _end(self, reason: ExitReason) -> None:
        """End once, and tell everybody concerned; later calls change nothing."""
        with self._lock:
            if self.exit_reason is not None:
                return
            self.exit_reason = reason
            unborn = self.behaviour is None
            deferred = list(self._deferred)  # answering takes each out of the set
        self.system.forget(self)
        self._answer_all(reason, deferred)
        for timer in self._timers or ():
            timer.cancel()
        self.ties.cut(reason, unborn=unborn)
        for stopped in self._stoppers:
            stopped.set(reason)
        if unborn:
            self.started.set_error(self._start_error(reason))

    def _answer_all(self, reason: ExitReason, deferred: list[Reply]) -> None:
        """Close the mailbox and give everybody who still waits for an answer an error."""
        dead = ActorDeadError(f"{self.ref} ended: {reason}", reason)
        in_hand = self.in_hand
        if in_hand is not None:
            in_hand.set_error(dead if reason.error is None else reason.to_exception())
        for reply in deferred:
            reply.set_error(dead)
        for message, waiting in self.mailbox.close():
            self.refuse(message, waiting, dead)

    def kill(self) -> None:
        """End now, whatever the actor's thread is doing."""
        self.system.thread_abandoned(self)
        self._end(KILLED)

    # -- mail

    def tell(self, message: Any) -> None:
        """Put a message into the mailbox, or count a dead letter."""
        if not self.mailbox.put((message, None)):
            self.refuse(message, None)

    def ask(self, message: Any, reply: Reply) -> None:
        """Put a message into the mailbox; a dead actor answers at once with an error."""
        reply.answerer = self
        try:
            if not self.mailbox.put((message, reply), reply.patience):
                self.refuse(message, reply)
        except MailboxFullError as error:
            reply.set_error(error)

    def offer(self, message: Any, reply: Reply | None, on_room: OnRoom | None = None) -> bool:
        """Like `tell` and `ask` for a thread that may not wait; False when the mail was parked.

        Raises:
            MailboxFullError: as `Mailbox.offer`.
        """
        taken = self.mailbox.offer((message, reply), on_room)
        if taken is False:
            self.refuse(message, reply)
        return taken is not None

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.exit_reason is None

    def _dead(self) -> ActorDeadError:
        reason = self.exit_reason or NOPROC
        return ActorDeadError(f"{self.ref} is dead: {reason}", reason)

    def refuse(self, message: Any, reply: Reply | None, dead: ActorDeadError | None = None) -> None:
        """Handle a message no more: its asker gets an error, and what was told is a dead letter."""
        if reply is None:
            self.system.dead_letters.add(self.ref, message)
        else:
            reply.set_error(dead or self._dead())

    def remind(self, message: Any) -> None:
        """Put a message of the actor's own into its mailbox; no bound drops it."""
        self.mailbox.put_exempt((message, None))

    @property
    def is_asked(self) -> bool:
        """Whether somebody waits for an answer to the message in hand."""
        return self.in_hand is not None

    def defer_reply(self) -> Reply:
        """Take the answer of the ask in hand out of the loop's hands."""
        if self.in_hand is None:
            raise RuntimeError("no ask in hand: the message was told, or its reply already taken")
        reply, self.in_hand = self.in_hand, None
        reply.answerer = None
        with self._lock:
            killed = self.exit_reason is not None
            if not killed:
                self._deferred.add(reply)
        if killed:
            reply.set_error(self._dead())
        else:
            reply.on_answer(self._deferred.discard)
        return reply

    # -- signals

    def signal(self, signal: Signal) -> None:
        """Handle a signal now."""
        handler = _SIGNALS.get(type(signal))
        if handler is not None:
            handler(self, signal)
        else:
            TIES[type(signal)](self.ties, signal)

    def _on_stop(self, signal: Stop) -> None:
        with self._lock:
            alive = self.exit_reason is None
            if alive and signal.stopped is not None:
                signal.stopped.answerer = self
                self._stoppers.append(signal.stopped)
        if alive:
            self.mailbox.put_urgent(signal)
        elif signal.stopped is not None:
            signal.stopped.set(None)

    def _on_urgent(self, signal: Signal) -> None:
        self.mailbox.put_urgent(signal)

    def _on_kill(self, _: Kill) -> None:
        self.kill()

    # -- time

    def start_timer(self, delay: float, message: Any, period: float | None) -> Timer:
        """A timer that ends with this actor."""

        def fire() -> None:
            try:
                self.mailbox.offer((message, None))
            except MailboxFullError:  # counted by the mailbox
                self.system.dead_letters.add(self.ref, message)

        timer = self.system.timers.start(delay, fire, period)
        with self._lock:
            if self.exit_reason is None:
                if self._timers is None:
                    self._timers = weakref.WeakSet()
                self._timers.add(timer)
                return timer
        timer.cancel()
        return timer


_SIGNALS: dict[type, Callable[[Cell, Any], None]] = {
    Stop: Cell._on_stop,  # noqa: SLF001
    Kill: Cell._on_kill,  # noqa: SLF001
    Suspend: Cell._on_urgent,  # noqa: SLF001
    Resume: Cell._on_urgent,  # noqa: SLF001
}
