"""The door: where a host that nobody knows yet asks to be let in.

One ROUTER of its own, in a context of its own, with the CURVE keys that all the network's doors
share and every token names. Any key may connect and is known from then on as the one that it
proved; nothing but one kind of question is answered:

=========  =============================  =====================================================
question   ``{"knock": Knock}``           at most 16 KiB
answer     ``{"welcome": Welcome}``       the host is in
           ``{"refused": Refusal}``       why it is not
=========  =============================  =====================================================

All are msgpack maps. What is none is dropped without an answer, and its sender is sent away when
its time is over. How many may stand here, and for how long, is the porch's.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgpack
import zmq

from simulacra.actors.cluster.porch import LIFE, Porch, listen
from simulacra.actors.cluster.reception import DoorKeys, Knock, Refusal, Welcome
from simulacra.actors.cluster.records import MalformedRecordError, plain, read
from simulacra.actors.cluster.turnstile import Limits, Turnstile
from simulacra.actors.runtime.zap import Door as Zap

logger = logging.getLogger(__name__)

QUESTION_LIMIT: Final = 16 * 1024
_HANDSHAKE_MS: Final = 3000
_QUEUE: Final = 64
_AT_ONCE: Final = 16


class Door:
    """A member's door, in a thread of its own.

    Args:
        bind: the IP address to listen on.
        port: the port, 0 for any.
        keys: the doors' CURVE pair.
        answer: the `Reception`'s; called in the door's thread, with the key that was proved.
        limits: how many may stand here.
        life: seconds that a visitor may stay.

    Attributes:
        port: where it listens.
        answers: how many of each there were: ``welcome``, the codes of refusals, ``garbage``.

    Raises:
        OSError: the address cannot be bound.
    """

    def __init__(
        self,
        bind: str,
        port: int,
        keys: DoorKeys,
        answer: Callable[[Knock, str], Welcome | Refusal],
        *,
        limits: Limits | None = None,
        life: float = LIFE,
    ) -> None:
        self.answers: Counter[str] = Counter()
        self._answer = answer
        listener = listen(bind, port)
        self.port: int = listener.getsockname()[1]
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._zap = Zap(self._context, lambda _key: True)
        name = f"simulacra-door-{os.urandom(8).hex()}"
        self._router = self._open(keys, name)
        self._porch = Porch(
            listener, b"\0" + name.encode(), Turnstile(limits or Limits()), life=life
        )
        self._waker, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="simulacra-door", daemon=True)
        self._thread.start()

    def _open(self, keys: DoorKeys, name: str) -> zmq.Socket[bytes]:
        router = self._context.socket(zmq.ROUTER)
        router.linger = 0
        router.curve_server = True
        router.curve_publickey = keys.public.encode()
        router.curve_secretkey = keys.secret.encode()
        router.maxmsgsize = QUESTION_LIMIT
        router.handshake_ivl = _HANDSHAKE_MS
        router.rcvhwm = router.sndhwm = _QUEUE
        router.bind(f"ipc://@{name}")  # no file: nothing is left behind
        return router

    @property
    def turned_away(self) -> int:
        """Connections that were more than the limits allow, so far."""
        return self._porch.turnstile.turned_away

    @property
    def visitors(self) -> int:
        """Connections that are open now."""
        return self._porch.turnstile.open

    def close(self) -> None:
        """Shut the door, and wait for its threads."""
        self._wake.close()
        self._thread.join(10.0)
        self._context.term()
        self._zap.join(5.0)

    # -- in the door's thread

    def _serve(self) -> None:
        with self._waker, self._router:
            try:
                while self._turn():
                    pass
            finally:
                self._porch.close()

    def _turn(self) -> bool:
        ready = self._wait()
        if self._waker.fileno() in ready:
            return False
        for _ in range(_AT_ONCE):
            try:
                frames = self._router.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            self._reply(frames)
        self._porch.turn(ready, time.monotonic())
        return True

    def _wait(self) -> dict[int, int]:
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        poller.register(self._waker.fileno(), zmq.POLLIN)
        for descriptor, events in self._porch.wants().items():
            poller.register(descriptor, events)  # the same numbers as zmq.POLLIN and POLLOUT
        deadline = self._porch.deadline()
        wait = None if deadline is None else max(0, int(1000 * (deadline - time.monotonic())) + 1)
        return {end: event for end, event in poller.poll(wait) if isinstance(end, int)}

    def _reply(self, frames: list[zmq.Frame]) -> None:
        try:
            identity, knock = frames[0].bytes, _read_knock(frames[1:])
        except MalformedRecordError as error:
            self.answers["garbage"] += 1
            logger.info("door: what came was no question: %s", error)
            return
        reply = self._decide(knock, str(frames[-1].get("User-Id")))
        welcome = isinstance(reply, Welcome)
        self.answers["welcome" if isinstance(reply, Welcome) else reply.code] += 1
        told = {"welcome" if welcome else "refused": plain(reply)}
        try:
            self._router.send_multipart([identity, msgpack.packb(told)], zmq.NOBLOCK)
        except zmq.Again:
            logger.warning("door: %s takes no answer; it will ask again", knock.binding.host)

    def _decide(self, knock: Knock, curve: str) -> Welcome | Refusal:
        try:
            reply = self._answer(knock, curve)
        except Exception:
            logger.exception("door: %s could not be answered", knock.binding.host)
            return Refusal("failed", "the host could not keep the admission: see its log")
        if isinstance(reply, Refusal):
            logger.warning("door: %r was not let in: %s", knock.binding.host, reply.text)
        else:
            logger.info("door: %s was let in", knock.binding.host)
        return reply


def _read_knock(frames: list[zmq.Frame]) -> Knock:
    if len(frames) != 1:
        raise MalformedRecordError(f"{len(frames)} frames")
    try:
        data: Any = msgpack.unpackb(frames[0].buffer)
    except (ValueError, msgpack.UnpackException) as error:
        raise MalformedRecordError(f"no msgpack: {error}") from error
    if not isinstance(data, dict):
        raise MalformedRecordError("not a map")
    return read(Knock, data.get("knock"))
