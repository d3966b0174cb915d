"""Resting from connections that are too many: what `parting` decides is carried out here.

All of it happens in the timekeeper's thread: offers and answers wait for its next round, and so
does the mail that is held meanwhile. Whoever rests leaves the peer's own lanes to the peer for a
while: shut down at once, they would look broken to it, before it has read the last REST.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from simulacra.actors.runtime.connections import Connections
from simulacra.actors.runtime.frames import Entry
from simulacra.actors.runtime.parting import Line, Step, surplus
from simulacra.actors.runtime.peer import Peer
from simulacra.actors.runtime.session import Command, Timing

logger = logging.getLogger(__name__)


class Resting:
    """See the module.

    Args:
        most: how many connections a node keeps, used or not.
        idle: seconds without use after which it rests from more than these.
        timing: how often to look for those, and how long the other may take to hang up.
        connections: those that peers opened to this node.
        needs: whether a connection to a node of some name is to stay, used or not.
        run: carries out what a session decided, under the peer's ``session_lock``.
        fail: ends a session in which an offer was not answered.
        rested: told of a peer and why, when a connection was parted from.
    """

    def __init__(
        self,
        most: int,
        idle: float,
        timing: Timing,
        connections: Connections,
        *,
        needs: Callable[[str], bool],
        run: Callable[[Peer, Sequence[Command]], None],
        fail: Callable[[Peer, str], None],
        rested: Callable[[Peer, str], None],
    ) -> None:
        self._most, self._idle, self._timing = most, idle, timing
        self._connections = connections
        self._says_needed, self._run, self._fail, self._rested = needs, run, fail, rested
        self._looked_at = float("-inf")
        self._leaving: dict[Peer, float] = {}

    def surplus(self, peers: Sequence[Peer], now: float) -> set[str]:
        """The keys of the peers from whom to rest, looked for once a heartbeat."""
        self._forget(now)
        if now - self._looked_at < self._timing.heartbeat:
            return set()
        self._looked_at = now
        up = [peer for peer in peers if peer.is_up]
        if len(up) <= self._most:
            return set()
        lines = (Line(peer.key, peer.parting.idle_since, self._is_free(peer, now)) for peer in up)
        return set(surplus(lines, self._most, self._idle, now))

    def _is_free(self, peer: Peer, now: float) -> bool:
        able = peer.hello is not None and bool(peer.hello.rests)
        idle = able and not peer.is_tied and peer.parting.is_idle(now, self._idle)
        return idle and not self._needs(peer.name)

    def _needs(self, name: str) -> bool:
        """Whether the connection to a node is to stay; so it is if nobody can tell."""
        try:
            return self._says_needed(name)
        except Exception:
            logger.exception("whether the connection to %s is needed cannot be told", name)
            return True

    def _forget(self, now: float) -> None:
        """Forget the connections of those who rest: they have closed them long ago."""
        for peer in [peer for peer, at in self._leaving.items() if at <= now]:
            del self._leaving[peer]
            with peer.session_lock:
                if peer.is_resting:
                    self._connections.evict(peer, keep=peer.session.awaited)

    def is_needed(self, peer: Peer) -> bool | None:
        """Whether the connection is needed that a peer would rest from; None if it would not.

        Whoever knows may have locks of its own, and so is asked without one.
        """
        with peer.session_lock:
            if peer.parting.asked is None:
                return None
        return self._needs(peer.name)

    def look(self, peer: Peer, now: float, *, wants: bool, needs: bool | None) -> None:
        """Do what is due about one peer that is up, under its ``session_lock``.

        Args:
            peer: the peer.
            now: the time in seconds.
            wants: whether it is one of the `surplus`.
            needs: what `is_needed` said a moment ago.
        """
        parting = peer.parting
        if peer.used:
            peer.used = False
            parting.used(now)
        if needs is None and parting.asked is not None:
            return  # it has offered to rest since: in the next round
        step = parting.look(now, self._idle, wants=wants, needs=bool(needs))
        if step is Step.OFFER and self._offer(peer, now):
            step = parting.look(now, self._idle, wants=wants, needs=False)
        match step:
            case Step.STAY | Step.OFFER if parting.asked is not None:
                peer.control(int(Entry.STAY), parting.asked)
                parting.stays()
            case Step.REST:
                self._rest(peer, now)
            case Step.FAIL:
                self._fail(peer, "it did not answer whether to rest")

    @staticmethod
    def _offer(peer: Peer, now: float) -> bool:
        """Say REST; False if the peer is in use just now.

        The answer may take its time, and then there is still some to connect anew.
        """
        if peer.holding.is_open or not peer.holding.open(now, peer.parting.patience):
            return False
        if not peer.offer_rest(peer.parting.number + 1):
            peer.holding.drain(now)
            return False
        peer.parting.offered(now)
        return True

    def _rest(self, peer: Peer, now: float) -> None:
        """Part from an idle connection; what was held meanwhile makes a new one."""
        logger.info("resting from %s, which both do not need now", peer.name)
        peer.hang_up(linger=self._timing.lost)
        peer.session.rest(now)
        self._leaving[peer] = now + self._timing.lost
        self._rested(peer, "")
        if peer.holding.rest(now):
            self._run(peer, peer.session.wake(now))
