"""The peers of a node: who is known, and what their sessions command.

Sessions decide purely (session.py); here their commands are carried out. Commands of one peer run
under its ``session_lock``, so they take effect in the order in which they were decided.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import zmq

from simulacra.actors.runtime.codec import Codec
from simulacra.actors.runtime.connections import Connections
from simulacra.actors.runtime.credit import Window
from simulacra.actors.runtime.errors import AskTimeoutError
from simulacra.actors.runtime.frames import Hello, pack_bye
from simulacra.actors.runtime.keys import Member
from simulacra.actors.runtime.outbox import Trouble
from simulacra.actors.runtime.peer import Peer
from simulacra.actors.runtime.resting import Resting
from simulacra.actors.runtime.session import Beat, Command, Dial, Down, Greet, Session, Up
from simulacra.actors.runtime.sockets import Sockets
from simulacra.actors.runtime.transport_settings import Settings

if TYPE_CHECKING:
    from simulacra.actors.runtime.system import ActorSystem

logger = logging.getLogger(__name__)

PeerEvent = Callable[[Peer, str], None]
Reach = Callable[[str], tuple[str, str] | None]

LAST_WORD: Final = 0.5
"""Seconds that a REFUSED or BYE may take to leave."""


class PeerRefusedError(Exception):
    """A node and this one do not work together; the text says why and what to do."""


class Roster:
    """The peers of one node; safe from any thread.

    Attributes:
        connections: those that peers opened to this node.
        greeting: how this node greets, but for what is a session's.
        find: the peer with a node's name, None if there is none.
    """

    def __init__(
        self,
        system: ActorSystem,
        sockets: Sockets,
        *,
        codec: Codec,
        greeting: Hello,
        member: Callable[[str], Member | None],
        settings: Settings,
        wants_flush: Callable[[Peer], None],
        on_up: PeerEvent,
        on_down: PeerEvent,
        on_rest: PeerEvent,
        reach: Reach,
        needs: Callable[[str], bool],
    ) -> None:
        self.connections = Connections()
        self._member = member
        self._system = system
        self._sockets = sockets
        self._codec = codec
        self.greeting = greeting
        self._settings = settings
        self._wants_flush = wants_flush
        self._on_up, self._on_down, self._on_rest = on_up, on_down, on_rest
        self._reach = reach
        self._resting = Resting(
            settings.most,
            settings.idle,
            settings.timing,
            self.connections,
            needs=needs,
            run=self.run,
            fail=self.fail,
            rested=on_rest,
        )
        self._peers: dict[str, Peer] = {}  # by key
        self._names: dict[str, Peer] = {}
        self.find = self._names.get
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._closed = False

    # -- who is known

    def peers(self) -> list[Peer]:
        """All peers, by name."""
        with self._lock:
            return sorted(self._peers.values(), key=lambda peer: peer.name)

    def add(self, endpoint: str, key: str) -> Peer:
        """The peer with a key; a new one is dialed until it answers."""
        with self._lock:
            peer = self._peers.get(key)
            if peer is not None:
                return peer
            session = Session(self._system.incarnation, self._settings.timing)
            member = self._member(key)
            peer = self._peers[key] = Peer(
                key,
                endpoint,
                listed="" if member is None else member.name,
                session=session,
                codec=self._codec,
                wants_flush=self._wants_flush,
                send_timeout=self._settings.send_timeout,
                background=self._settings.background,
            )
        with peer.session_lock:
            self.run(peer, session.start(time.monotonic()))
        return peer

    def seek(self, node: str) -> Peer | None:
        """A node that was never connected, or rests, dialed now, if it is known where it is.

        What is for it may be held until it is connected.
        """
        place = self._reach(node)
        if place is None or self._member(place[1]) is None:
            return None
        peer = self.wake(*place)
        with peer.session_lock:
            if not peer.is_up:
                peer.holding.open(time.monotonic())
        return peer

    def wake(self, endpoint: str, key: str) -> Peer:
        """As `add`; a peer that rests is dialed, too, at the endpoint given."""
        peer = self.add(endpoint, key)
        with peer.session_lock:
            if peer.is_resting:
                now, peer.endpoint = time.monotonic(), endpoint
                peer.holding.open(now)
                self.run(peer, peer.session.wake(now))
        return peer

    def wait_up(self, peer: Peer, timeout: float) -> None:
        """Wait until a peer is connected.

        Raises:
            PeerRefusedError: one of the two refuses the other.
            AskTimeoutError: it did not come within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            while not peer.is_up:
                if peer.refusal:
                    raise PeerRefusedError(peer.refusal)
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AskTimeoutError(
                        f"no answer from {peer.endpoint} within {timeout:g} s: is a node up there, "
                        "and does its list admit this node's key?"
                    )
                self._changed.wait(left)

    # -- sessions

    def introduced(self, peer: Peer, hello: Hello) -> None:
        """A peer said in a hello what it is called, and where it listens."""
        peer.hello, peer.endpoint, peer.refusal = hello, hello.endpoint, ""
        peer.is_apart = hello.apart != self.greeting.apart
        with self._lock:
            self._names[hello.node] = peer

    def refused(self, key: str, text: str) -> bool:
        """The node with a key and this one do not work together; False if it is no peer.

        It is dialed again, after a long rest.
        """
        peer = self._peers.get(key)
        if peer is None:
            return False
        with self._lock:
            peer.refusal = text
            self._changed.notify_all()
        peer.holding.expire(time.monotonic(), at_once=True)
        self.fail(peer, f"refused: {text}", rest=self._settings.timing.longest_rest)
        return True

    def refused_by(self, key: str, text: str) -> None:
        """A REFUSED frame came from the node with a key."""
        peer = self._peers.get(key)
        if peer is not None:
            logger.error("%s refuses this node: %s", peer.name, text)
            self.refused(key, text)

    def tick(self) -> None:
        """Let time pass for all sessions."""
        peers, now = self.peers(), time.monotonic()
        surplus = self._resting.surplus(peers, now)
        for peer in peers:
            try:
                needs = self._resting.is_needed(peer)
                with peer.session_lock:
                    now = time.monotonic()
                    self.run(peer, peer.session.tick(now))
                    trouble = peer.trouble()
                    if trouble is not None:
                        peer.is_shut_out = trouble is Trouble.TURNED_AWAY
                        peer.session.cut_off(trouble.value, now)
                        peer.hang_up()
                    if peer.is_up:
                        self._resting.look(peer, now, wants=peer.key in surplus, needs=needs)
                    if peer.holding.is_draining:
                        peer.holding.drain(now)
                peer.holding.expire(now)
            except Exception:
                logger.exception("the session with %s could not go on", peer.name)

    def fail(self, peer: Peer, reason: str, *, rest: float | None = None) -> None:
        """End a peer's session; it is dialed again after a rest."""
        with peer.session_lock:
            self.run(peer, peer.session.fail(reason, time.monotonic(), rest=rest))
            peer.hang_up()
            self.connections.evict(peer)

    def left(self, peer: Peer, reason: str) -> None:
        """A peer said goodbye, and hears no more."""
        peer.hang_up()
        self.fail(peer, reason)

    def run(self, peer: Peer, commands: Sequence[Command]) -> None:
        """Carry out what a session decided, but for `Deliver`; under its ``session_lock``."""
        for command in commands:
            match command:
                case Dial():
                    self._dial(peer)
                case Greet():
                    peer.greet(self._hello_for(peer).pack())
                case Up():
                    self._up(peer)
                case Down(reason):
                    self._down(peer, reason)
                case Beat():
                    peer.beat()

    def _dial(self, peer: Peer) -> None:
        if self._closed or self._member(peer.key) is None:
            return
        try:
            lanes = self._sockets.dial(peer.endpoint, peer.key)
        except zmq.ContextTerminated:
            raise
        except zmq.ZMQError as error:
            logger.error("%s cannot be dialed: %s", peer.endpoint, error)  # noqa: TRY400 - no bug
            return
        hello = self._hello_for(peer)
        for lane, outbox in lanes.items():
            outbox.send(replace(hello, lane=int(lane)).pack())
        peer.dialed(lanes)

    def _hello_for(self, peer: Peer) -> Hello:
        return replace(self.greeting, session=peer.session.number, echo=peer.session.theirs)

    def _up(self, peer: Peer) -> None:
        assert peer.hello is not None  # noqa: S101 - nobody is up without a hello
        peer.parting.begin(time.monotonic())
        peer.up(Window(*peer.hello.window))
        peer.is_shut_out = False
        peer.holding.drain(time.monotonic())
        logger.info("connected to %s at %s", peer.name, peer.endpoint)
        with self._lock:
            self._changed.notify_all()
        self._on_up(peer, "")

    def _down(self, peer: Peer, reason: str) -> None:
        at_rest = peer.parting.is_offered  # nothing went over it any more
        logger.log(logging.INFO if at_rest else logging.WARNING, "lost %s: %s", peer.name, reason)
        peer.hang_up()  # without a goodbye: it would end a session that the peer has just begun
        peer.down()
        self.connections.evict(peer, keep=peer.session.theirs)
        if peer.holding.is_draining:  # as what is under way
            peer.holding.expire(time.monotonic(), at_once=True)
        (self._on_rest if at_rest else self._on_down)(peer, reason)

    # -- parting

    def keep_apart(self, apart: bool, reason: str) -> None:
        """Keep apart from now on, or no more: all sessions begin anew, and say so."""
        self.greeting = replace(self.greeting, apart=int(apart))
        for peer in self.peers():  # nothing has failed: each is dialed again soon, unless it rests
            self.part(peer, reason, rest=self._settings.timing.rest)

    def expel(self, key: str) -> None:
        """Part from a peer for good: its key is no longer admitted."""
        with self._lock:
            peer = self._peers.pop(key, None)
            if peer is not None and self._names.get(peer.name) is peer:
                del self._names[peer.name]
        if peer is not None:
            self.part(peer, "its key is no longer admitted")

    def part(self, peer: Peer, reason: str, *, rest: float | None = None) -> None:
        """Say goodbye and end the session; it is dialed again after a rest."""
        with peer.session_lock:
            peer.hang_up(pack_bye(reason), LAST_WORD)
            self.run(peer, peer.session.fail(reason, time.monotonic(), rest=rest))
            self.connections.evict(peer)
        peer.holding.expire(time.monotonic(), at_once=True)

    def close(self, reason: str) -> None:
        """Part from all; nobody is dialed any more."""
        self._closed = True
        for peer in self.peers():
            self.part(peer, reason)
