"""The node's ZeroMQ sockets: one ROUTER that all listen to, and the DEALERs that it dials with.

All are CURVE sockets of one context, whose door admits keys. Nothing here waits, except `close`.
"""

from __future__ import annotations

import logging
import os
import resource
import threading
from collections.abc import Callable
from typing import Final

import zmq

from simulacra.actors.runtime.frames import Lane
from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.runtime.outbox import WATCHED, Outbox
from simulacra.actors.runtime.zap import Door

logger = logging.getLogger(__name__)

Socket = zmq.Socket[bytes]

_RECONNECT_MS: Final = 50
_RECONNECT_MAX_MS: Final = 1000
_CONNECT_MS: Final = 2000
"""Then it is tried anew: the kernel alone would wait up to a minute between two tries, also after
the way is free again."""

_HANDSHAKE_MS: Final = 5000
_PING_MS: Final = 5000
_SLACK: Final = 1024 * 1024

KNOCK: Final = b"knock"
"""The routing id of the ROUTER's own knocks: no other node's, whose ids are longer."""


class Sockets:
    """The sockets of one node.

    Args:
        pair: the node's keys.
        bind: the endpoint to listen on.
        limit: bytes that one message may have; libzmq closes the connection of a larger part.
        admits: whether a public key may connect.

    Raises:
        zmq.ZMQError: the endpoint cannot be bound.
    """

    def __init__(self, pair: KeyPair, bind: str, limit: int, admits: Callable[[str], bool]) -> None:
        raise_descriptor_limit()
        self._pair = pair
        self.context: zmq.Context[Socket] = zmq.Context()
        self.context.set(zmq.MAX_SOCKETS, 65_535)
        self.door = Door(self.context, admits)
        self.router = self._make(zmq.ROUTER, bind)
        self.router.curve_server = True
        self.router.maxmsgsize = limit + _SLACK
        self.router.handshake_ivl = _HANDSHAKE_MS
        self.router.heartbeat_ivl = _PING_MS
        self._knocker = self._make_knocker()
        self._knocking = threading.Lock()
        try:
            self.router.bind(bind)
        except zmq.ZMQError:
            self.router.close()
            self.close()
            raise
        self.endpoint = self.router.getsockopt_string(zmq.LAST_ENDPOINT)

    def _make_knocker(self) -> Socket:
        inside = "inproc://knocks"
        self.router.bind(inside)
        knocker = self.context.socket(zmq.DEALER)
        knocker.linger = 0
        knocker.routing_id = KNOCK
        knocker.connect(inside)
        return knocker

    def knock(self) -> None:
        """Let whoever waits at the ROUTER receive an empty message from `KNOCK`."""
        with self._knocking:
            if not self._knocker.closed:
                self._knocker.send(b"", zmq.DONTWAIT)

    def _make(self, kind: int, endpoint: str) -> Socket:
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.sndhwm = socket.rcvhwm = 0  # what is under way is bounded by credit
        socket.ipv6 = "[" in endpoint
        socket.curve_publickey = self._pair.public.encode()
        socket.curve_secretkey = self._pair.secret.encode()
        return socket

    def dial(self, endpoint: str, key: str) -> dict[Lane, Outbox]:
        """New lanes to a peer, which connect when the peer is there and tell their `trouble`."""
        return {lane: self._lane(endpoint, key) for lane in Lane}

    def _lane(self, endpoint: str, key: str) -> Outbox:
        dealer, monitor = self._dealer(endpoint, key), self.context.socket(zmq.PAIR)
        told = f"inproc://lane-{os.urandom(8).hex()}"
        dealer.monitor(told, WATCHED)
        monitor.connect(told)
        dealer.connect(endpoint)
        return Outbox(dealer, monitor)

    def _dealer(self, endpoint: str, key: str) -> Socket:
        dealer = self._make(zmq.DEALER, endpoint)
        dealer.curve_serverkey = key.encode()
        dealer.routing_id = b"s" + os.urandom(15)  # nobody can guess it and take it over
        dealer.reconnect_ivl = _RECONNECT_MS
        dealer.reconnect_ivl_max = _RECONNECT_MAX_MS
        dealer.connect_timeout = _CONNECT_MS
        dealer.heartbeat_ivl = _PING_MS
        return dealer

    def send_once(self, endpoint: str, key: str, frame: bytes, linger: float) -> None:
        """Send one frame to somebody who is no peer, within ``linger`` seconds or not at all."""
        dealer = self._dealer(endpoint, key)
        dealer.connect(endpoint)
        lane = Outbox(dealer)
        lane.send(frame)
        lane.close(linger)

    def close(self) -> None:
        """End the threads that read, and wait until the last frames are sent or given up.

        All lanes must be closed before; whoever reads the ROUTER closes it when it is told
        `zmq.ContextTerminated`.
        """
        with self._knocking:
            self._knocker.close()
        self.context.term()
        self.door.join(5.0)


def raise_descriptor_limit() -> None:
    """Let the process have as many descriptors as it may: each peer needs eight."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError) as error:
            logger.warning("the limit of open files stays at %d: %s", soft, error)
