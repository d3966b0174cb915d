"""One peer: the sending side of the connection to another node, used by any thread.

A caller's thread packs its message, takes credit for it, and puts it on a lane (see `lanes`) under
the peer's lock.

Who must wait for credit, or for a mailbox of the peer that is full, waits ``send_timeout`` seconds
and is then refused. Signals, answers and everything in the control lane never wait.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

from simulacra.actors.runtime.bonds import Bonds
from simulacra.actors.runtime.codec import Buffer, CannotPackError, Codec, MessageTooLargeError
from simulacra.actors.runtime.credit import SenderCredit, Window
from simulacra.actors.runtime.errors import ActorDeadError, PeerBusyError
from simulacra.actors.runtime.frames import Entry, Hello, Lane, pack_entry
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.holding import Held, Holding
from simulacra.actors.runtime.lanes import Lanes
from simulacra.actors.runtime.outbox import Outbox, Trouble
from simulacra.actors.runtime.parting import Parting
from simulacra.actors.runtime.reason import NOCONNECTION
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.session import Session, State
from simulacra.actors.runtime.signals import DownSignal, ExitSignal, Signal
from simulacra.actors.runtime.turns import serves_many

logger = logging.getLogger(__name__)

ActorId = int | str


class Peer:
    """Another node, as this one sends to it.

    Attributes:
        key: its public key.
        endpoint: where to dial it.
        listed: its name in the list of keys, empty where it had no line there.
        session: the state machine; guarded by ``session_lock``.
        hello: its last hello, None before the first.
        refusal: why it last refused us, or we it; empty when neither did.
        is_shut_out: whether its door turned us away since it was last connected.
        is_apart: whether just one of the two keeps apart, so that they do not work together.
        holding: what waits until it is connected, if it is dialed because of that.
        parting: the talk about resting; guarded by ``session_lock``.
        background: the actors whose mail is no use of the connection.
        used: whether it was used; whoever has seen that clears it.
    """

    def __init__(
        self,
        key: str,
        endpoint: str,
        *,
        listed: str,
        session: Session,
        codec: Codec,
        wants_flush: Callable[[Peer], None],
        send_timeout: float,
        background: frozenset[ActorId] = frozenset(),
    ) -> None:
        self.key = key
        self.endpoint = endpoint
        self.listed = listed
        self.session = session
        self.session_lock = threading.RLock()
        self.hello: Hello | None = None
        self.refusal = ""
        self.is_shut_out = False
        self.is_apart = False
        self.is_up = False
        self.holding = Holding(send_timeout)
        self.parting = Parting(session.timing.lost)
        self.background = background
        self.used = False
        self._codec = codec
        self._send_timeout = send_timeout
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._lanes = Lanes(partial(wants_flush, self))
        self._credit = SenderCredit(Window())
        self._stopped_targets: set[ActorId] = set()
        self._takes_mail = False
        self._numbers = count(1)
        self._asks: dict[int, Reply] = {}
        self._bonds = Bonds()

    @property
    def name(self) -> str:
        """Its node name: as it says, before as the list of keys has it, else its endpoint."""
        return (self.listed or self.endpoint) if self.hello is None else self.hello.node

    @property
    def incarnation(self) -> int:
        """The random number of its process; 0 before its first hello."""
        return 0 if self.hello is None else self.hello.incarnation

    @property
    def is_resting(self) -> bool:
        """Whether both have parted from an idle connection, until something is for the other."""
        return self.session.state is State.RESTING

    # -- lanes

    def dialed(self, lanes: dict[Lane, Outbox]) -> None:
        """New lanes take the place of the old ones."""
        with self._lock:
            old = self._lanes.replace(lanes)
        for lane in old.values():
            lane.close()

    def up(self, window: Window) -> None:
        """Mail may be sent, as much as ``window`` allows."""
        with self._lock:
            self._credit = SenderCredit(window)
            self._stopped_targets.clear()
            self.is_up = self._takes_mail = True

    def down(self) -> None:
        """Nothing may be sent; tell everybody here who is tied to the peer or waits for it."""
        with self._lock:
            self.is_up = self._takes_mail = False
            asks, self._asks = self._asks, {}
            bonds = self._bonds.lost()
            self._changed.notify_all()
        lost = ActorDeadError(f"the connection to {self.name} is lost", NOCONNECTION)
        for reply in asks.values():
            reply.set_error(lost)
        for ref, signal in bonds:
            ref.signal(signal)

    def hang_up(self, last_word: bytes | None = None, linger: float = 0.0) -> None:
        """Close the lanes; what was sent, and a last word, have ``linger`` seconds to leave."""
        with self._lock:
            was_up, self.is_up = self.is_up, False  # without lanes; `down` is still to come
            self._takes_mail = False
            lanes = self._lanes.replace({})
            if not was_up:
                linger = 0.0
            elif lanes and last_word is not None:
                lanes[Lane.CONTROL].send(last_word)
        for lane in lanes.values():
            lane.close(linger)

    def trouble(self) -> Trouble | None:
        """Why a lane of ours is of no more use; None while both are."""
        with self._lock:
            return self._lanes.trouble()

    def greet(self, hello: bytes) -> None:
        """Send a hello on the control lane."""
        with self._lock:
            self._lanes.say(hello)

    def beat(self) -> None:
        """Send a sign of life, on the lanes in turn; forget the asks that nobody waits for."""
        with self._lock:
            self._lanes.beat()
            given_up = [number for number, reply in self._asks.copy().items() if reply.is_set()]
        for number in given_up:
            self._asks.pop(number, None)

    def flush(self) -> None:
        """Send what waits."""
        with self._lock:
            self._lanes.flush()

    # -- resting

    @property
    def is_tied(self) -> bool:
        """Whether links, monitors or asks go over the connection."""
        return bool(self._bonds) or bool(self._asks)

    def offer_rest(self, number: int) -> bool:
        """Say REST and take no more mail; False, and nothing said, if it is in use just now."""
        with self._lock:
            if self.used or self.is_tied or self._stopped_targets or not self._takes_mail:
                return False
            self._takes_mail = False
            self._lanes.put_last(int(Entry.REST), number)
            self._changed.notify_all()
            return True

    def go_on(self) -> None:
        """The peer does not rest: take mail again."""
        with self._lock:
            self._takes_mail = self.is_up

    # -- mail

    def tell(self, actor: ActorId, message: Any) -> bool:
        """Send a message; False when the peer takes none: it is not up, or is about to rest.

        Raises:
            PeerBusyError: the peer took no more for too long.
            CannotPackError, MessageTooLargeError: as `Codec.pack`.
        """
        entry, buffers = self._codec.pack([0, actor], message)
        return self._mail(actor, entry, buffers, at_once=False)

    def ask(self, actor: ActorId, message: Any, reply: Reply) -> bool:
        """Send a message whose answer goes into ``reply``; False when the peer takes none.

        Raises:
            PeerBusyError, CannotPackError, MessageTooLargeError: as `tell`.
        """
        number = next(self._numbers)
        entry, buffers = self._codec.pack([1, actor, number], message)
        self._asks[number] = reply
        try:
            if self._mail(actor, entry, buffers, at_once=True):
                return True
        except PeerBusyError:
            if self._asks.pop(number, None) is not None:
                raise
            return True  # it is lost by now, and was answered
        return self._asks.pop(number, None) is None  # whoever took it out has answered

    def lost_error(self) -> ActorDeadError:
        """What is told to those who ask an actor of a peer that is not up."""
        why = f": {self.refusal}" if self.refusal else ""
        return ActorDeadError(f"{self.name} is not connected{why}", NOCONNECTION)

    def _mail(
        self, actor: ActorId, entry: bytes, buffers: Sequence[Buffer], *, at_once: bool
    ) -> bool:
        size = len(entry)
        if buffers:
            size += sum(memoryview(buffer).nbytes for buffer in buffers)
        with self._lock:
            if self._takes_mail and (actor in self._stopped_targets or not self._credit.take(size)):
                self._wait_for_credit(actor, size)
            if not self._takes_mail:
                return False
            if actor not in self.background:
                self.used = True
            self._lanes.put(entry, buffers, size, at_once=at_once)
        return True

    def _wait_for_credit(self, actor: ActorId, size: int) -> None:
        deadline = time.monotonic() + self._send_timeout
        while self._takes_mail and (actor in self._stopped_targets or not self._credit.take(size)):
            left = deadline - time.monotonic()
            if left <= 0 or serves_many():
                raise PeerBusyError(self._why_busy(actor))
            self._changed.wait(left)

    def _why_busy(self, actor: ActorId) -> str:
        full = actor in self._stopped_targets
        what = f"the mailbox of {actor} at {self.name}" if full else f"the way to {self.name}"
        return (
            f"{what} stayed full for {self._send_timeout:g} s "
            f"({self._credit.messages} messages, {self._credit.size} bytes under way)"
        )

    # -- what never waits

    def answer(self, entry: bytes, buffers: Sequence[Buffer] = ()) -> None:
        """Send an answer behind the mail, also behind what is held; nothing if it is not up."""
        if self.holding.is_open and self.is_up:
            send = partial(self._late_answer, self.incarnation, entry, buffers)
            # Who agrees to rest waits for none.
            if self.holding.hold(Held(send, lambda _: None, is_use=False, is_mail=False)):
                return
        self._answer(entry, buffers)

    def _late_answer(self, incarnation: int, entry: bytes, buffers: Sequence[Buffer]) -> None:
        if self.incarnation == incarnation:  # another process has asks of the same number
            self._answer(entry, buffers)

    def _answer(self, entry: bytes, buffers: Sequence[Buffer]) -> None:
        with self._lock:
            if self.is_up:
                self._lanes.put(entry, buffers, 0, at_once=True)

    def control(self, *parts: Any) -> bool:
        """Send an entry on the control lane; False when the peer is not up."""
        with self._lock:
            if self.is_up:
                self._lanes.put_ahead(pack_entry(*parts))
            return self.is_up

    def signal(self, actor: ActorId, to: Ref, signal: Signal) -> bool:
        """Send a signal that keeps its place behind mail; False when the peer takes none."""
        entry = self._pack_signal(actor, signal)
        with self._lock:
            if self._takes_mail:
                self.used = True
                self._bonds.sent(to, signal)
                self._lanes.put(entry, (), 0, at_once=True)
            return self._takes_mail

    def urgent(self, actor: ActorId, signal: Signal) -> bool:
        """Send a signal that overtakes mail; False when the peer takes none."""
        return self._urgent_entry(self._pack_signal(actor, signal))

    def _pack_signal(self, actor: ActorId, signal: Signal) -> bytes:
        try:
            return self._codec.pack([int(Entry.SIGNAL), actor], signal)[0]
        except (CannotPackError, MessageTooLargeError):
            if not isinstance(signal, (ExitSignal, DownSignal)):
                raise
            told = replace(signal, reason=signal.reason.as_text())  # nobody is left to correct it
            return self._codec.pack([int(Entry.SIGNAL), actor], told)[0]

    def request(self, kind: Entry, actor: ActorId, detail: Any, reply: Reply) -> bool:
        """Ask the peer's runtime on the control lane; False when the peer takes nothing."""
        number = next(self._numbers)
        entry, _ = self._codec.pack([int(kind), actor, number], detail)
        self._asks[number] = reply
        return self._urgent_entry(entry) or self._asks.pop(number, None) is None

    def _urgent_entry(self, entry: bytes) -> bool:
        with self._lock:
            if self._takes_mail:
                self.used = True
                self._lanes.put_ahead(entry)
            return self._takes_mail

    # -- what the peer told

    def answered(self, number: int, value: Any, error: BaseException | None) -> None:
        """An answer came; if nobody waits for it any more it is dropped."""
        reply = self._asks.pop(number, None)
        if reply is not None:
            reply.resolve(value, error)

    def granted(self, messages: int, size: int) -> bool:
        """The peer gave credit back; False when it never was taken."""
        with self._lock:
            right = self._credit.grant(messages, size)
            self._changed.notify_all()
        return right

    def target_full(self, actor: ActorId, *, full: bool) -> None:
        """A mailbox of the peer is full, or has room again."""
        with self._lock:
            (self._stopped_targets.add if full else self._stopped_targets.discard)(actor)
            self._changed.notify_all()

    def bond(self, to: Ref, signal: Signal) -> None:
        """Note a link or monitor that the peer made or ended."""
        with self._lock:
            self._bonds.received(to, signal)
