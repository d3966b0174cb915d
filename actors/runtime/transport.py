"""The transport of one node: carries the mail and signals of its actors to other nodes.

A node binds one ROUTER, the only port that others need to reach, read by one thread at a time
(turns.py). To each peer it dials two DEALERs, the lanes, which are used for sending only, by any
thread. Both nodes dial, so each can refuse, expel and notice the loss of the other by itself.

Threads: the standing reader; the timekeeper, which ticks the sessions; the flusher, which sends
what tells left behind; the door.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import zmq

from simulacra.actors.runtime.codec import DEFAULT_LIMIT, Codec
from simulacra.actors.runtime.frames import Hello
from simulacra.actors.runtime.greetings import Greetings
from simulacra.actors.runtime.keys import KeyList, KeyPair, Member
from simulacra.actors.runtime.peer import Peer
from simulacra.actors.runtime.reader import Reader
from simulacra.actors.runtime.refs import Address
from simulacra.actors.runtime.roster import PeerEvent, Reach, Roster
from simulacra.actors.runtime.routes import Route
from simulacra.actors.runtime.sockets import Sockets
from simulacra.actors.runtime.transport_settings import Settings
from simulacra.actors.runtime.turns import never_wait

if TYPE_CHECKING:
    from simulacra.actors.runtime.system import ActorSystem

logger = logging.getLogger(__name__)

_TICKS = 10  # in a heartbeat


def _nothing(_: Peer, __: str) -> None: ...


def _nowhere(_: str) -> None: ...


def _always(_: str) -> bool:
    return True


class Transport:
    """Connects an actor system to others.

    Example::

        with Transport(system, pair, keys, "tcp://0.0.0.0:7700", advertise="tcp://nas:7700"):
            system.ref("greeter@desk").ask("hello")

    Args:
        system: whose mail it carries; it attaches itself.
        pair: this node's keys.
        keys: the keys that are admitted.
        bind: the ZeroMQ endpoint to listen on; port ``*`` takes a free one.
        advertise: the endpoint that peers are told to dial, its port ``*`` if that is the bound
            one; the bound endpoint unless said.
        limit: bytes that one message may have.
        settings: heartbeats, windows and the like.
        on_up: called with (peer, "") when one is connected, in a thread of the transport.
        on_down: called with (peer, reason) when one is lost.
        on_rest: called with (peer, reason) when one was parted from as neither needed the other.
        reach: where a node of some name is, as (endpoint, key), if it is there and was never
            connected, or rests: it is dialed as soon as something is for it.
        needs: whether the connection to a node of some name is to stay, however long it is idle;
            asked in the timekeeper's thread.

    Raises:
        zmq.ZMQError: the endpoint cannot be bound.
    """

    def __init__(
        self,
        system: ActorSystem,
        pair: KeyPair,
        keys: KeyList,
        bind: str = "tcp://127.0.0.1:*",
        *,
        advertise: str | None = None,
        limit: int = DEFAULT_LIMIT,
        settings: Settings | None = None,
        on_up: PeerEvent = _nothing,
        on_down: PeerEvent = _nothing,
        on_rest: PeerEvent = _nothing,
        reach: Reach = _nowhere,
        needs: Callable[[str], bool] = _always,
    ) -> None:
        self._settings = settings or Settings()
        self._system = system
        self._keys = keys
        self._sockets = Sockets(pair, bind, limit, self.admits)
        bound = self._sockets.endpoint
        self.endpoint = (advertise or bound).replace("*", bound.rpartition(":")[2])
        self._dirty: set[Peer] = set()
        self._wake_flusher = threading.Event()
        self._closing = threading.Event()
        codec = Codec(system.ref, limit)
        self._roster = Roster(
            system,
            self._sockets,
            codec=codec,
            greeting=self._greeting(pair),
            member=self.member,
            settings=self._settings,
            wants_flush=self._wants_flush,
            on_up=on_up,
            on_down=on_down,
            on_rest=on_rest,
            reach=reach,
            needs=needs,
        )
        self._greetings = Greetings(
            system,
            self._sockets,
            self._roster,
            codec=codec,
            member=self.member,
            window=self._settings.window,
        )
        self._reader = Reader(
            self._sockets.router, self._sockets.knock, codec, self._roster, self._greetings
        )
        self._threads = [
            threading.Thread(target=body, name=f"simulacra-{what}-{system.name}", daemon=True)
            for what, body in (
                ("reader", self._reader.run),
                ("timekeeper", self._keep_time),
                ("flusher", self._flush),
            )
        ]
        for thread in self._threads:
            thread.start()
        system.attach(self)

    def _greeting(self, pair: KeyPair) -> Hello:
        window = self._settings.window
        return Hello(
            wire=self._settings.wire_version,
            software=self._settings.software,
            node=self._system.name,
            incarnation=self._system.incarnation,
            session=0,
            echo=(0, 0),
            endpoint=self.endpoint,
            key=pair.public,
            window=(window.messages, window.size),
            rests=1,
        )

    def admits(self, key: str) -> bool:
        """Whether a key is in the list that is in force."""
        return key in self._keys

    def member(self, key: str) -> Member | None:
        """The line of the list in force that a key has."""
        return self._keys.get(key)

    # -- for the node

    def connect(self, endpoint: str, key: str) -> Peer:
        """Make the node at an endpoint, with its public key, a peer: dialed until it answers."""
        return self._roster.add(endpoint, key)

    def wake(self, endpoint: str, key: str) -> Peer:
        """As `connect`; a peer that rests is dialed, too."""
        return self._roster.wake(endpoint, key)

    def call(self, node: str) -> Peer | None:
        """Dial a node that was never connected, where `reach` says; None if it does not."""
        return self._roster.seek(node)

    def wait_up(self, peer: Peer, timeout: float = 5.0) -> None:
        """Wait until a peer is connected.

        Raises:
            PeerRefusedError: one of the two refuses the other.
            AskTimeoutError: it did not come within ``timeout`` seconds.
        """
        self._roster.wait_up(peer, timeout)

    def keep_apart(self, apart: bool, reason: str) -> None:
        """Work from now on with those nodes only that keep apart too, or with the others again.

        To all others a node that keeps apart is as an outside host is, and they are to it, but
        for the actors of `ActorSystem.open_apart`. All peers are parted from, and dialed anew.
        """
        self._roster.keep_apart(apart, reason)

    @property
    def context(self) -> zmq.Context[zmq.Socket[bytes]]:
        """The ZeroMQ context in which this node's door admits keys; for its other sockets."""
        return self._sockets.context

    def peer(self, name: str) -> Peer | None:
        """The node with a name, if it is known."""
        return self._roster.find(name)

    def refused_strangers(self) -> list[tuple[Hello, str]]:
        """Members that greeted, were refused and are nobody's peers: how, and why."""
        refused = list(self._greetings.refused_strangers.items())
        return [entry for key, entry in refused if self.admits(key)]

    def peers(self) -> list[Peer]:
        """All nodes that this one knows, by name, connected or not."""
        return self._roster.peers()

    def admit(self, keys: KeyList) -> None:
        """Put another list in force: peers that it no longer has are expelled at once."""
        self._keys = keys
        for peer in self._roster.peers():
            if peer.key not in keys:
                self._roster.expel(peer.key)

    def route(self, address: Address) -> Route:
        """The way to an actor of another node; for the actor system."""
        is_use = address[2] not in self._settings.background
        return Route(address, self._roster, self._system.dead_letters, is_use=is_use)

    @property
    def refused_connections(self) -> int:
        """How many connections the door refused."""
        return self._sockets.door.refused

    @property
    def malformed_frames(self) -> int:
        """How many frames no correct node would have sent."""
        return self._reader.malformed

    @property
    def unknown_frames(self) -> int:
        """How many frames came from connections that had not greeted."""
        return self._reader.unknown

    def close(self) -> None:
        """Say goodbye to all peers and end all threads and sockets; asks in flight fail."""
        self._closing.set()
        self._wake_flusher.set()
        self._roster.close(f"{self._system.name} is going down")
        self._sockets.close()
        for thread in self._threads:
            thread.join(5.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- threads

    def _wants_flush(self, peer: Peer) -> None:
        self._dirty.add(peer)
        self._wake_flusher.set()

    def _flush(self) -> None:
        while not self._closing.is_set():
            self._wake_flusher.wait()
            self._wake_flusher.clear()
            while self._dirty:
                self._flush_one(self._dirty.pop())

    def _flush_one(self, peer: Peer) -> None:
        try:
            peer.flush()
        except Exception:  # one peer's trouble must not keep the others' mail
            logger.exception("mail to %s could not be sent", peer.name)

    def _keep_time(self) -> None:
        never_wait()  # one peer that takes nothing must not keep the others' time
        while not self._closing.wait(self._settings.timing.heartbeat / _TICKS):
            self._roster.tick()
