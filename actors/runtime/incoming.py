"""The receiving side of one session: entries become mail and signals of this node's actors.

Runs in the thread that reads for the node and never waits. Mail for a full mailbox is *parked*
there; the peer is told to send that actor no more (XOFF), and to go on (XON) when it is in.
Credit is given back for parked mail as for any other: XOFF goes first on the same lane, so at most
one window can be parked for an actor, and the others' mail flows on.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from simulacra.actors.runtime.codec import (
    CannotPackError,
    Codec,
    MalformedError,
    MessageTooLargeError,
)
from simulacra.actors.runtime.credit import ReceiverCredit, Window
from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.frames import Entry, Lane
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.peer import ActorId, Peer
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.signals import (
    Demonitor,
    DownSignal,
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
from simulacra.actors.runtime.waiting_room import OnRoom

if TYPE_CHECKING:
    from simulacra.actors.runtime.system import ActorSystem

logger = logging.getLogger(__name__)

_LANES = tuple(Lane)
_BONDS = (Link, Unlink, Monitor, Demonitor, ExitSignal, DownSignal)
_SIGNALS = (*_BONDS, Kill, Suspend, Resume)


class Incoming:
    """What one peer sends in one session."""

    def __init__(self, system: ActorSystem, peer: Peer, codec: Codec, window: Window) -> None:
        self._system = system
        self._peer = peer
        self._codec = codec
        self._background = peer.background
        self._window = window
        self._credit = ReceiverCredit(window)
        self._parked: dict[ActorId, int] = {}
        self._parked_lock = threading.Lock()
        self._last: tuple[ActorId, OnRoom] | None = None
        self._handlers = {int(kind): handle for kind, handle in self._table().items()}

    def _table(self) -> dict[int, Callable[..., None]]:
        """What handles each kind of entry."""
        return {
            Entry.TELL: self._tell,
            Entry.ASK: self._ask,
            Entry.REPLY: self._reply,
            Entry.ERROR: self._error,
            Entry.SIGNAL: self._signal,
            Entry.STOP: self._stop,
            Entry.ALIVE: self._alive,
            Entry.CREDIT: self._granted,
            Entry.XOFF: self._xoff,
            Entry.XON: self._xon,
            Entry.REST: self._rest,
            Entry.STAY: self._stay,
        }

    def frame(self, entries: list[Any], messages: int, size: int) -> None:
        """Handle a frame's entries; give back the credit that its mail took.

        Raises:
            MalformedError: an entry is none.
        """
        handlers = self._handlers
        for entry in entries:
            try:
                handlers[entry[0]](*entry[1:])
            except (TypeError, KeyError, IndexError) as error:
                raise MalformedError(f"no entry: {type(error).__name__}: {error}") from error
        if messages:
            grant = self._credit.handed_over(messages, size)
            if grant is not None:
                self._peer.control(int(Entry.CREDIT), *grant)

    # -- mail

    def _tell(self, actor: ActorId, message: Any) -> None:
        if actor not in self._background:
            self._peer.used = True
        try:
            taken = self._system.local_target(actor).offer(message, None, self._on_room(actor))
        except MailboxFullError:
            self._system.dead_letters.add(self._local(actor), message)
        else:
            if not taken:
                self._park(actor)

    def _ask(self, actor: ActorId, number: int, message: Any) -> None:
        if actor not in self._background:
            self._peer.used = True
        reply = Reply(on_answer=partial(self._answer, number))
        try:
            taken = self._system.local_target(actor).offer(message, reply, self._on_room(actor))
        except MailboxFullError as error:
            reply.set_error(error)
        else:
            if not taken:
                self._park(actor)

    def _answer(self, number: int, reply: Reply) -> None:
        """Send an answer, in the thread of whoever gave it."""
        value, error = reply.outcome()
        try:
            if error is None:
                packed = self._codec.pack([2, number], value)
            else:
                packed = self._codec.pack([3, number], error)
        except (CannotPackError, MessageTooLargeError) as problem:
            logger.warning("an answer to %s cannot be sent: %s", self._peer.name, problem)
            packed = self._codec.pack([3, number], problem)
        self._peer.answer(*packed)

    def _park(self, actor: ActorId) -> None:
        with self._parked_lock:
            parked = self._count_parked(actor, 1)
            if parked == 1:
                self._peer.control(int(Entry.XOFF), actor)
        if parked > self._window.messages:
            raise MalformedError(f"it sends to {actor} in spite of XOFF")

    def _on_room(self, actor: ActorId) -> OnRoom:
        """What to call when mail parked for an actor is in; kept, as mail comes in runs."""
        last = self._last
        if last is None or last[0] != actor:
            last = self._last = actor, partial(self._room, actor)
        return last[1]

    def _room(self, actor: ActorId) -> None:
        """One parked message is in; called in the thread of the actor that has room."""
        with self._parked_lock:
            if not self._count_parked(actor, -1):
                self._peer.control(int(Entry.XON), actor)

    def _count_parked(self, actor: ActorId, more: int) -> int:
        """How many are parked now; below zero when room was made before it was counted."""
        parked = self._parked.pop(actor, 0) + more
        if parked:
            self._parked[actor] = parked
        return parked

    # -- answers

    def _reply(self, number: int, value: Any) -> None:
        self._peer.answered(number, value, None)

    def _error(self, number: int, error: BaseException) -> None:
        self._peer.answered(number, None, error)

    # -- signals

    def _local(self, actor: ActorId) -> Ref:
        named = isinstance(actor, str)
        return self._system.ref(
            (self._system.name, 0 if named else self._system.incarnation, actor)
        )

    def _signal(self, actor: ActorId, signal: Signal) -> None:
        if not isinstance(signal, _SIGNALS):
            raise MalformedError("a signal is none")
        self._peer.used = True
        to = self._local(actor)
        if isinstance(signal, _BONDS):
            self._peer.bond(to, signal)
        to.signal(signal)

    def _stop(self, actor: ActorId, number: int, reason: ExitReason) -> None:
        self._peer.used = True
        stopped = Reply(on_answer=partial(self._answer, number))
        self._local(actor).signal(Stop(reason, stopped))

    def _alive(self, actor: ActorId, number: int, _: None) -> None:
        self._peer.used = True
        alive = Reply(on_answer=partial(self._answer, number))
        alive.set(self._local(actor).is_alive())

    # -- flow control

    def _granted(self, messages: int, size: int) -> None:
        if not self._peer.granted(messages, size):
            raise MalformedError("it grants more than was taken")

    def _xoff(self, actor: ActorId) -> None:
        self._peer.target_full(actor, full=True)

    def _xon(self, actor: ActorId) -> None:
        self._peer.target_full(actor, full=False)

    # -- resting

    def _rest(self, lane: int, number: int) -> None:
        if type(number) is not int:
            raise MalformedError("an offer to rest has no number")
        with self._peer.session_lock:
            self._peer.parting.heard_rest(_LANES[lane], number)

    def _stay(self, number: int) -> None:
        peer = self._peer
        with peer.session_lock:
            if not peer.parting.heard_stay(number, monotonic()):
                return
            peer.go_on()
            peer.holding.drain(monotonic())
