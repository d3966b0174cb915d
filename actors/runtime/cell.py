"""A cell: one actor's life, from its start to the news of its end.

A cell starts its behaviour in the actor's own thread, feeds it from the mailbox, and ends once, by
whichever comes first: the behaviour stops or fails (in its thread), or it is killed (in the
killer's thread). The end closes the mailbox, answers everybody who still waits, and only then tells
those who are linked or watch. So whoever got an actor's error finds the actor dead and its name
free. An actor that ends before it has started tells whoever starts it by an error, and not by the
link as well. A thread that was busy in user code when its actor was killed cannot
be ended; it is counted as *abandoned* until it returns.

Signals are handled at once, in the thread that brings them, under the cell's lock; no thread ever
holds two cells' locks. The locks of the mailbox and of the timers may be taken under it.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from simulacra.actors.runtime._pykka import Shell
from simulacra.actors.runtime.errors import (
    ActorDeadError,
    ActorExit,
    IgnoreStart,
    MailboxFullError,
    StartError,
)
from simulacra.actors.runtime.futures import Reply, current
from simulacra.actors.runtime.mailbox import Mailbox, OnRoom
from simulacra.actors.runtime.proxy import PROXY_MESSAGES
from simulacra.actors.runtime.reason import KILLED, NOPROC, NORMAL, ExitReason
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.signals import (
    Demonitor,
    Down,
    DownSignal,
    Exit,
    ExitSignal,
    Kill,
    Link,
    Monitor,
    Resume,
    Signal,
    Stop,
    Suspend,
    Unlink,
)
from simulacra.actors.runtime.timers import Timer

if TYPE_CHECKING:
    from simulacra.actors.runtime.actor import Actor
    from simulacra.actors.runtime.system import ActorSystem

logger = logging.getLogger(__name__)


class Cell:
    """Everything the runtime knows of one local actor; the target of its local refs."""

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
        self.name: str | None = None
        self.trap_exit = False
        self.exit_reason: ExitReason | None = None
        self.parent = None if parent is None else parent.ref
        self.started = Reply()
        self.returned = False  # the thread is at its end; the system's
        self._lock = threading.Lock()
        self._behaviour: Actor | None = None
        self._in_hand: Reply | None = None
        self._deferred: set[Reply] = set()
        self._links: set[Ref] = set() if parent is None else {parent.ref}
        self._watchers: dict[tuple[int, Ref], None] = {}
        self._watching: dict[int, Ref] = {}
        self._stoppers: list[Reply] = []
        self._timers: weakref.WeakSet[Timer] = weakref.WeakSet()

    # -- the life

    def start(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Begin to live, in a thread of its own; `started` is answered when it is known how."""
        self._arguments: tuple[tuple[Any, ...], dict[str, Any]] | None = (args, kwargs)
        try:
            Shell(self).start_thread()
        except RuntimeError as error:  # the process has no thread left to give
            self._end(ExitReason.of_error(error))
            self.system.thread_returned(self)

    def run(self) -> None:
        """The actor's thread, from start to end."""
        current.cell = self
        try:
            self._end(self._live())
        finally:
            self._behaviour = None
            self.system.thread_returned(self)

    def _live(self) -> ExitReason:
        try:
            return self._begin() or self._say_goodbye(self._serve())
        except BaseException as error:  # noqa: BLE001 - a fault of the runtime's own ends it too
            return self._fail(error)

    def _begin(self) -> ExitReason | None:
        """Make the behaviour and let it start; the reason to end, if it does not."""
        args, kwargs = self._arguments or ((), {})
        self._arguments = None
        try:
            behaviour = self.behaviour_class.__new__(self.behaviour_class)
            behaviour._cell = self  # noqa: SLF001 - the runtime's own slot
            behaviour.__init__(*args, **kwargs)  # type: ignore[misc]  # made in its own thread
            behaviour.on_start()
        except ActorExit as request:
            return request.reason
        except IgnoreStart as request:
            return replace(NORMAL, exception=request)
        except BaseException as error:  # noqa: BLE001 - user code; SystemExit too
            return ExitReason.of_error(error)
        with self._lock:
            if self.exit_reason is not None:
                return self.exit_reason  # killed while it started
            self._behaviour = behaviour
        self.started.set(self.ref)
        return None

    def _start_error(self, reason: ExitReason) -> Exception:
        if isinstance(reason.exception, IgnoreStart):
            return reason.exception
        text = f"{self.behaviour_class.__qualname__} did not start: {reason}"
        error = StartError(text, reason)
        error.__cause__ = reason.exception
        return error

    def _serve(self) -> ExitReason:
        behaviour = cast("Actor", self._behaviour)
        receive = behaviour.on_receive
        get = self.mailbox.get
        while True:
            item = get()
            if type(item) is not tuple:
                reason = self._obey(item)
                if reason is not None:
                    return reason
                continue
            message, reply = item
            self._in_hand = reply
            if self.exit_reason is not None:  # killed between the mailbox and here
                self._refuse(message, reply, self._dead())
                return self.exit_reason
            try:
                special = PROXY_MESSAGES.get(type(message))
                result = receive(message) if special is None else special(behaviour, message)
            except ActorExit as request:
                return request.reason
            except BaseException as error:  # noqa: BLE001 - user code; SystemExit too
                return self._fail(error)
            if reply is not None and self._in_hand is reply:
                self._in_hand = None
                reply.set(result)
            item = message = reply = result = None  # an idle actor holds no message in memory

    def _obey(self, signal: Any) -> ExitReason | None:
        """Act on an urgent signal; the reason to end, if it is to end."""
        match signal:
            case Stop(reason):
                return reason
            case Suspend():
                self.mailbox.suspend()
                return None
            case Resume():
                self.mailbox.resume()
                return None
        return self.exit_reason or KILLED  # the mailbox was closed under us

    def _fail(self, error: BaseException) -> ExitReason:
        reason = ExitReason.of_error(error)
        logger.error("%r failed: %s", self.ref, reason, exc_info=error)
        return reason

    def _say_goodbye(self, reason: ExitReason) -> ExitReason:
        if self.exit_reason is not None:
            return reason
        try:
            cast("Actor", self._behaviour).on_stop(reason)
        except ActorExit as request:
            return request.reason
        except BaseException as error:
            logger.exception("%r failed in on_stop", self.ref)
            return ExitReason.of_error(error) if reason.is_normal else reason
        return reason

    def _end(self, reason: ExitReason) -> None:
        """End once, and tell everybody concerned; later calls change nothing."""
        with self._lock:
            if self.exit_reason is not None:
                return
            self.exit_reason = reason
            unborn = self._behaviour is None
            links, self._links = self._links, set()
            watchers, self._watchers = self._watchers, {}
            watching, self._watching = self._watching, {}
            deferred = list(self._deferred)  # answering takes each out of the set
        self.system.forget(self)
        if unborn and self.parent in links:
            links.discard(self.parent)
            self.parent.signal(Unlink(self.ref))
        self._answer_all(reason, deferred)
        for timer in self._timers:
            timer.cancel()
        for monitor, watched in watching.items():
            watched.signal(Demonitor(monitor, self.ref))
        for linked in links:
            linked.signal(ExitSignal(self.ref, reason))
        for monitor, watcher in watchers:
            watcher.signal(DownSignal(monitor, self.ref, reason))
        for stopped in self._stoppers:
            stopped.set(reason)
        if unborn:
            self.started.set_error(self._start_error(reason))

    def _answer_all(self, reason: ExitReason, deferred: list[Reply]) -> None:
        """Close the mailbox and give everybody who still waits for an answer an error."""
        dead = ActorDeadError(f"{self.ref} ended: {reason}", reason)
        in_hand = self._in_hand
        if in_hand is not None:
            in_hand.set_error(dead if reason.error is None else reason.to_exception())
        for reply in deferred:
            reply.set_error(dead)
        for message, waiting in self.mailbox.close():
            self._refuse(message, waiting, dead)

    def kill(self) -> None:
        """End now, whatever the actor's thread is doing."""
        self.system.thread_abandoned(self)
        self._end(KILLED)

    # -- mail

    def tell(self, message: Any) -> None:
        """Put a message into the mailbox, or count a dead letter."""
        if not self.mailbox.put((message, None)):
            self._refuse(message, None, None)

    def ask(self, message: Any, reply: Reply) -> None:
        """Put a message into the mailbox; a dead actor answers at once with an error."""
        reply.answerer = self
        try:
            if not self.mailbox.put((message, reply), reply.patience):
                self._refuse(message, reply, self._dead())
        except MailboxFullError as error:
            reply.set_error(error)

    def offer(self, message: Any, reply: Reply | None, on_room: OnRoom | None = None) -> bool:
        """Like `tell` and `ask` for a thread that may not wait; False when the mail was parked.

        Raises:
            MailboxFullError: as `Mailbox.offer`.
        """
        taken = self.mailbox.offer((message, reply), on_room)
        if taken is False:
            self._refuse(message, reply, self._dead() if reply is not None else None)
        return taken is not None

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.exit_reason is None

    def _dead(self) -> ActorDeadError:
        reason = self.exit_reason or NOPROC
        return ActorDeadError(f"{self.ref} is dead: {reason}", reason)

    def _refuse(self, message: Any, reply: Reply | None, dead: ActorDeadError | None) -> None:
        if reply is None or dead is None:
            self.system.dead_letters.add(self.ref, message)
        else:
            reply.set_error(dead)

    def remind(self, message: Any) -> None:
        """Put a message of the actor's own into its mailbox; no bound drops it."""
        self.mailbox.put_exempt((message, None))

    @property
    def is_asked(self) -> bool:
        """Whether somebody waits for an answer to the message in hand."""
        return self._in_hand is not None

    def defer_reply(self) -> Reply:
        """Take the answer of the ask in hand out of the loop's hands."""
        if self._in_hand is None:
            raise RuntimeError("no ask in hand: the message was told, or its reply already taken")
        reply, self._in_hand = self._in_hand, None
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
        _SIGNALS[type(signal)](self, signal)

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

    def _on_link(self, signal: Link) -> None:
        with self._lock:
            if self.exit_reason is None:
                self._links.add(signal.sender)
                return
        signal.sender.signal(ExitSignal(self.ref, NOPROC))

    def _on_unlink(self, signal: Unlink) -> None:
        with self._lock:
            self._links.discard(signal.sender)

    def _on_monitor(self, signal: Monitor) -> None:
        with self._lock:
            if self.exit_reason is None:
                self._watchers[signal.monitor, signal.watcher] = None
                return
        signal.watcher.signal(DownSignal(signal.monitor, self.ref, NOPROC))

    def _on_demonitor(self, signal: Demonitor) -> None:
        with self._lock:
            self._watchers.pop((signal.monitor, signal.watcher), None)

    def _on_down(self, signal: DownSignal) -> None:
        with self._lock:  # so that a demonitor with flush comes before all of it or after
            watched = self._watching.pop(signal.monitor, None)
            if watched is not None:
                self.mailbox.put_exempt((Down(signal.monitor, watched, signal.reason), None))

    def _on_exit(self, signal: ExitSignal) -> None:
        if not signal.linked and signal.reason.kind == "kill":
            self.kill()
            return
        with self._lock:  # so that an unlink comes before all of it or after
            if signal.linked:
                if signal.sender not in self._links:
                    return
                self._links.discard(signal.sender)
            if self.trap_exit and signal.sender != self.parent:
                self.mailbox.put_exempt((Exit(signal.sender, signal.reason), None))
            elif signal.reason.kind != "normal" or self.trap_exit:
                self.mailbox.put_urgent(Stop(signal.reason))

    # -- what the actor does to others

    def link(self, ref: Ref) -> None:
        """Link both ways."""
        if isinstance(ref.address[2], str):
            raise ValueError(f"link needs a ref to one actor, not to a name: {ref}")  # noqa: TRY004
        if ref == self.ref:
            return
        with self._lock:
            if ref in self._links or self.exit_reason is not None:
                return
            self._links.add(ref)
        ref.signal(Link(self.ref))

    def adopt(self, child: Ref) -> None:
        """Link to a child that is already linked to this actor; too late a parent ends it."""
        with self._lock:
            if self.exit_reason is None:
                self._links.add(child)
                return
        child.signal(ExitSignal(self.ref, self.exit_reason))

    def unlink(self, ref: Ref) -> None:
        """Unlink both ways; nothing of that actor's end arrives afterwards."""
        with self._lock:
            self._links.discard(ref)
        ref.signal(Unlink(self.ref))
        self.mailbox.remove(lambda message: isinstance(message, Exit) and message.sender == ref)

    def monitor(self, ref: Ref) -> int:
        """Watch; the number that the `Down` will carry."""
        monitor = self.system.next_id()
        with self._lock:
            if self.exit_reason is not None:  # killed, and nobody hears any more
                return monitor
            self._watching[monitor] = ref
        ref.signal(Monitor(monitor, self.ref))
        return monitor

    def demonitor(self, monitor: int, *, flush: bool) -> None:
        """Stop watching."""
        with self._lock:
            ref = self._watching.pop(monitor, None)
        if ref is not None:
            ref.signal(Demonitor(monitor, self.ref))
        elif flush:
            self.mailbox.remove(
                lambda message: isinstance(message, Down) and message.monitor == monitor
            )

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
                self._timers.add(timer)
                return timer
        timer.cancel()
        return timer

    def links(self) -> frozenset[Ref]:
        """Those this actor is linked to now."""
        with self._lock:
            return frozenset(self._links)


_SIGNALS: dict[type, Callable[[Cell, Any], None]] = {
    Stop: Cell._on_stop,  # noqa: SLF001
    Kill: Cell._on_kill,  # noqa: SLF001
    Suspend: Cell._on_urgent,  # noqa: SLF001
    Resume: Cell._on_urgent,  # noqa: SLF001
    Link: Cell._on_link,  # noqa: SLF001
    Unlink: Cell._on_unlink,  # noqa: SLF001
    Monitor: Cell._on_monitor,  # noqa: SLF001
    Demonitor: Cell._on_demonitor,  # noqa: SLF001
    ExitSignal: Cell._on_exit,  # noqa: SLF001
    DownSignal: Cell._on_down,  # noqa: SLF001
}
