"""How nodes that greet this one are received: bound to their session, or refused.

Admission judges (admission.py), purely; who may come in is made a peer of the roster. Called by
whoever reads for the node.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from simulacra.actors.runtime.admission import Refusal, refusal
from simulacra.actors.runtime.codec import Codec, MalformedError
from simulacra.actors.runtime.connections import Connection, Wire
from simulacra.actors.runtime.credit import Window
from simulacra.actors.runtime.frames import Hello, Lane, pack_refused
from simulacra.actors.runtime.incoming import Incoming
from simulacra.actors.runtime.keys import Member
from simulacra.actors.runtime.outside import Apart, Outside
from simulacra.actors.runtime.peer import Peer
from simulacra.actors.runtime.roster import LAST_WORD, Roster
from simulacra.actors.runtime.sockets import Sockets

if TYPE_CHECKING:
    from simulacra.actors.runtime.system import ActorSystem

logger = logging.getLogger(__name__)

_REFUSE_EVERY: Final = 1.0


class Greetings:
    """Receives those who greet.

    Attributes:
        refused_strangers: members that this node refused and never met, by key: how each greeted,
            and why it was refused.
    """

    def __init__(
        self,
        system: ActorSystem,
        sockets: Sockets,
        roster: Roster,
        *,
        codec: Codec,
        member: Callable[[str], Member | None],
        window: Window,
    ) -> None:
        self.refused_strangers: dict[str, tuple[Hello, str]] = {}
        self._system = system
        self._sockets = sockets
        self._roster = roster
        self._codec = codec
        self._member = member
        self._window = window
        self._refused_at: dict[str, float] = {}

    def hello(self, routing_id: bytes, hello: Hello, user_id: str, wire: Wire) -> None:
        """A greeting arrived: bind its connection, or refuse.

        Raises:
            MalformedError: it claims a key that is not its connection's.
        """
        if hello.key != user_id:
            raise MalformedError(f"a hello claims the key {hello.key}, the connection has another")
        no = self._objection(hello)
        if no is not None:
            self._refuse(hello, no, wire)
            return
        peer = self._roster.add(hello.endpoint, hello.key)
        with peer.session_lock:
            if not peer.session.hears_of(hello.session_id):
                wire.shut()
                return
            self._bind(routing_id, peer, hello, wire)
            if hello.lane == Lane.CONTROL:
                self._welcome(peer, hello)

    def hello_again(self, peer: Peer, hello: Hello) -> None:
        """A peer that greeted before greets again, to say what it knows now."""
        with peer.session_lock:
            now = time.monotonic()
            self._roster.run(peer, peer.session.hello(hello.session_id, hello.echo, now))

    def _objection(self, hello: Hello) -> Refusal | None:
        holder, ours = self._roster.find(hello.node), self._roster.greeting
        return refusal(
            hello,
            me=ours.node,
            wire=ours.wire,
            member=self._member(hello.key),
            holder_of_name=holder.key if holder is not None and holder.is_up else None,
        )

    def _bind(self, routing_id: bytes, peer: Peer, hello: Hello, wire: Wire) -> None:
        connections = self._roster.connections
        connections.evict(peer, keep=hello.session_id)
        incoming = connections.incoming(peer, hello.session_id) or self._receiving(hello)(
            self._system, peer, self._codec, self._window
        )
        connection = Connection(peer, Lane(hello.lane), hello.session_id, wire, incoming)
        connections.bind(routing_id, connection)

    def _receiving(self, hello: Hello) -> type[Incoming]:
        """What takes the mail of whoever greets so: less of it from outside hosts."""
        member = self._member(hello.key)
        if member is None or member.outside:
            return Outside
        return Apart if hello.apart != self._roster.greeting.apart else Incoming

    def _welcome(self, peer: Peer, hello: Hello) -> None:
        now = time.monotonic()
        moved = hello.endpoint != peer.endpoint
        self.refused_strangers.pop(hello.key, None)
        self._roster.introduced(peer, hello)
        if peer.is_resting:  # it has something for this node; what this one has for it waits, too
            peer.holding.open(now)
        if moved and not peer.is_up:
            self._roster.run(peer, peer.session.start(now))
        self._roster.run(peer, peer.session.hello(hello.session_id, hello.echo, now))

    def _refuse(self, hello: Hello, no: Refusal, wire: Wire) -> None:
        now = time.monotonic()
        if now - self._refused_at.get(hello.key, -_REFUSE_EVERY) >= _REFUSE_EVERY:
            self._refused_at[hello.key] = now
            logger.error("refused %s at %s: %s", hello.node, hello.endpoint, no.text)
            frame = pack_refused(no.code, no.text)
            self._sockets.send_once(hello.endpoint, hello.key, frame, LAST_WORD)
        if not self._roster.refused(hello.key, no.text):
            self.refused_strangers[hello.key] = hello, no.text
        wire.shut()
