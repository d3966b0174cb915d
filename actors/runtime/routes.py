"""The way to an actor of another node: what a remote ref is bound to.

While the node is not connected, and for an actor of an earlier process of it, a route behaves as a
dead end: tells are dead letters, asks fail at once, monitors and links fire.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulacra.actors.runtime.dead_letters import DeadLetters
from simulacra.actors.runtime.errors import ActorDeadError, AskTimeoutError
from simulacra.actors.runtime.frames import Entry
from simulacra.actors.runtime.futures import ASK_TIMEOUT, Reply
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


class Route:
    """The target of a remote ref.

    Args:
        address: the actor's.
        find: the peer with a node's name, if one is known.
        dead_letters: where messages go that have no way.
    """

    def __init__(
        self, address: Address, find: Callable[[str], Peer | None], dead_letters: DeadLetters
    ) -> None:
        self._node, self._incarnation, self._actor = address
        self._find = find
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
        if peer is None or not peer.tell(self._actor, message):
            self._dead_letters.add(self._ref, message)

    def ask(self, message: Any, reply: Reply) -> None:
        """Send a message whose answer goes into ``reply``; an error at once without connection.

        Raises:
            PeerBusyError, CannotPackError, MessageTooLargeError: as `tell`.
        """
        peer = self._peer()
        if peer is None:
            reply.set_error(self._dead())
        else:
            peer.ask(self._actor, message, reply)

    def _dead(self) -> ActorDeadError:
        peer = self._find(self._node)
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
        peer = self._peer()
        alive = Reply()
        if peer is None or not peer.request(Entry.ALIVE, self._actor, None, alive):
            return False
        try:
            return bool(alive.get(timeout=ASK_TIMEOUT))
        except (AskTimeoutError, ActorDeadError):
            return False
