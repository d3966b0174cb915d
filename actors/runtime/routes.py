"""The way to an actor of another node: what a remote ref is bound to.

While the node is not connected, and for an actor of an earlier process of it, a route behaves as a
dead end: tells are dead letters, asks fail at once, monitors and links fire. Only for a node that
is there and was never connected, or is rested from, things are held for a while, as it is dialed
then (see `holding`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from simulacra.actors.runtime.dead_letters import DeadLetters
from simulacra.actors.runtime.errors import ActorDeadError, AskTimeoutError, PeerBusyError
from simulacra.actors.runtime.frames import Entry
from simulacra.actors.runtime.futures import ASK_TIMEOUT, Reply
from simulacra.actors.runtime.holding import Held, Holding
from simulacra.actors.runtime.peer import Peer
from simulacra.actors.runtime.reason import NOCONNECTION, NOPROC, ExitReason
from simulacra.actors.runtime.refs import Address, Ref
from simulacra.actors.runtime.signals import (
    URGENT,
    DownSignal,
    ExitSignal,
    Link,
    Monitor,
    Signal,
    Stop,
)

_TRIES: Final = 3
"""What is held may be sent or given up between two looks at it; not again and again."""


class Peers(Protocol):
    """The nodes that are known."""

    @property
    def find(self) -> Callable[[str], Peer | None]:
        """The peer with a node's name, if it was ever connected."""

    def seek(self, node: str) -> Peer | None:
        """A node that was never connected, or rests, dialed now, if it is known where it is."""


class Route:
    """The target of a remote ref.

    Args:
        address: the actor's.
        peers: the nodes that are known.
        dead_letters: where messages go that have no way.
        is_use: whether a connection is worth having for what is told the actor; for an answer or a
            bond it always is.
    """

    def __init__(
        self, address: Address, peers: Peers, dead_letters: DeadLetters, *, is_use: bool = True
    ) -> None:
        self._node, self._incarnation, self._actor = address
        self._is_use = is_use
        self._find = peers.find
        self._seek = peers.seek
        self._dead_letters = dead_letters
        self._ref = Ref(address, self)

    def _peer(self) -> Peer | None:
        """The peer, if it is up and still the process where the actor lives."""
        peer = self._find(self._node)
        if peer is not None and peer.is_up and (not self._incarnation or self._is_of(peer)):
            return peer
        return None

    def _is_of(self, peer: Peer) -> bool:
        return not self._incarnation or self._incarnation == peer.incarnation

    def tell(self, message: Any) -> None:
        """Send a message, or count it as a dead letter.

        Raises:
            PeerBusyError: the peer took no more for too long.
            CannotPackError, MessageTooLargeError: the message cannot travel.
        """
        peer = self._peer()
        if peer is not None and not peer.holding.is_open and peer.tell(self._actor, message):
            return  # as nearly always
        self._later(
            partial(self._tell, message),
            lambda _: self._dead_letters.add(self._ref, message),
            is_use=self._is_use,
        )

    def _tell(self, message: Any) -> None:
        peer = self._peer()
        if peer is None or not peer.tell(self._actor, message):
            self._dead_letters.add(self._ref, message)

    def ask(self, message: Any, reply: Reply) -> None:
        """Send a message whose answer goes into ``reply``; an error at once without connection.

        Raises:
            CannotPackError, MessageTooLargeError: as `tell`.
        """
        peer = self._peer()
        try:
            if (
                peer is not None
                and not peer.holding.is_open
                and peer.ask(self._actor, message, reply)
            ):
                return  # as nearly always
            self._later(
                partial(self._ask, message, reply),
                lambda error: reply.set_error(error or self._dead()),
            )
        except PeerBusyError as busy:
            reply.set_error(busy)

    def _ask(self, message: Any, reply: Reply) -> None:
        peer = self._peer()
        if peer is None or not peer.ask(self._actor, message, reply):
            reply.set_error(self._dead())

    def _later(
        self,
        send: Callable[[], object],
        lost: Callable[[Exception | None], object],
        *,
        is_use: bool = True,
        is_mail: bool = True,
    ) -> None:
        """Hold a thing while the node is dialed because of it, or about to rest; else send it."""
        held = Held(send, lost, is_use, is_mail)
        for _ in range(_TRIES):
            holding = self._holding()
            if holding is None:
                break
            if holding.hold(held):
                return
        send()

    def _holding(self) -> Holding | None:
        """Where things wait that are for the node; None while they need not."""
        peer = self._find(self._node)
        if peer is None or peer.is_resting:
            peer = self._seek(self._node)
        return peer.holding if peer is not None and peer.holding.is_open else None

    def _dead(self) -> ActorDeadError:
        peer = self._find(self._node) or self._seek(self._node)
        if peer is None:
            return ActorDeadError(
                f"{self._ref} cannot be reached: no node {self._node!r} has met this one: "
                "join it first",
                NOCONNECTION,
            )
        if peer.is_up and not self._is_of(peer):
            return ActorDeadError(f"{self._ref} is dead: its node has started anew", NOPROC)
        return peer.lost_error()

    def signal(self, signal: Signal) -> None:
        """Send a signal; without connection it is answered here."""
        peer = self._peer()
        if peer is None or peer.holding.is_open or not self._send(peer, signal):
            self._later(
                partial(self._signal, signal), lambda _: self._answer_here(signal), is_mail=False
            )

    def _signal(self, signal: Signal) -> None:
        peer = self._peer()
        if peer is None or not self._send(peer, signal):
            self._answer_here(signal)

    def _send(self, peer: Peer, signal: Signal) -> bool:
        match signal:
            case Stop(reason, stopped):
                return peer.request(Entry.STOP, self._actor, reason, stopped or Reply())
            case _ if isinstance(signal, URGENT):
                return peer.urgent(self._actor, signal)
        return peer.signal(self._actor, self._ref, signal)

    def _answer_here(self, signal: Signal) -> None:
        reason = self._dead().reason or NOCONNECTION
        match signal:
            case Link(sender):
                sender.signal(ExitSignal(self._ref, reason))
            case Monitor(monitor, watcher):
                watcher.signal(DownSignal(monitor, self._ref, reason))
            case Stop(_, stopped) if stopped is not None:
                self._not_stopped(stopped, reason)

    def _not_stopped(self, stopped: Reply, reason: ExitReason) -> None:
        if reason == NOPROC:
            stopped.set(None)
        else:
            stopped.set_error(self._dead())

    def is_alive(self) -> bool:
        """Whether the actor's node says so, within the time-out of an ask."""
        alive, peer = Reply(), self._peer()
        if peer is None or peer.holding.is_open or not self._sent_alive(peer, alive):
            self._later(partial(self._ask_alive, alive), lambda _: alive.set(False), is_mail=False)
        try:
            return bool(alive.get(timeout=ASK_TIMEOUT))
        except (AskTimeoutError, ActorDeadError):
            return False

    def _ask_alive(self, alive: Reply) -> None:
        peer = self._peer()
        if peer is None or not self._sent_alive(peer, alive):
            alive.set(False)

    def _sent_alive(self, peer: Peer, alive: Reply) -> bool:
        return peer.request(Entry.ALIVE, self._actor, None, alive)
