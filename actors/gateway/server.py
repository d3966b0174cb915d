"""The server of the gateway: runs each call in a thread of its own against a table of handlers.

A connection's thread greets, reads the request and runs the handler; a second thread watches the
socket meanwhile, for input, for a client that goes away and for the end of the call's time. At
most ``calls`` calls are served at once, the next is refused with an error; some places more are
kept for the verbs in ``RESERVED``, so that a node that is busy can still be looked at and stopped.
While this process has no descriptor left, who comes waits; while it has no thread left, who comes
is refused with an error.
A client that does not read for ``SEND_TIMEOUT`` is cut. Garbage closes the connection it came on,
and is logged.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Final

from simulacra.actors import tracing
from simulacra.actors.gateway import endpoint
from simulacra.actors.gateway.call import Call, Cancelled, Handler
from simulacra.actors.gateway.frames import (
    PROTOCOL,
    ErrorCode,
    Frame,
    FrameError,
    GatewayError,
    pack,
)
from simulacra.actors.gateway.session import Session, shut

_LAST_WORD: Final = 0.3
_PAUSE: Final = 0.1
CALLS: Final = 64
"""Calls served at once, unless the node says otherwise."""

RESERVED: Final = frozenset({"status", "down"})
_RESERVED_PLACES: Final = 2

SEND_TIMEOUT: Final = 30.0
"""Seconds a client may leave an answer unread before it is cut."""

_log = logging.getLogger(__name__)


class Gateway:
    """Listens on a socket file and answers calls until it is closed."""

    def __init__(
        self,
        path: Path,
        handlers: Mapping[str, Handler],
        *,
        node: str,
        version: str,
        calls: int = CALLS,
    ) -> None:
        """Bind ``path``; nobody is answered before ``start``.

        Args:
            path: The socket file.
            handlers: What answers each verb.
            node: This node's name, told in the greeting.
            version: This software's version, told in the greeting.
            calls: Calls served at once, those in ``RESERVED`` apart.

        Raises:
            GatewayError: A living node listens on ``path``, or its directory is not this user's.
        """
        self._path = path
        self._handlers = handlers
        self._greeting: Frame = {
            "gateway": PROTOCOL,
            "node": node,
            "version": version,
            "pid": os.getpid(),
        }
        self._places = threading.BoundedSemaphore(calls + _RESERVED_PLACES)
        self._free = threading.BoundedSemaphore(calls)
        self._calls = calls
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listener = endpoint.listen(path)
        self._acceptor = threading.Thread(target=self._accept, name="gateway", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._acceptor.start()

    def close(self, timeout: float = 5.0) -> bool:
        """Cancel every call, remove the socket file, and wait for the handlers to return.

        Calls that are about to end, as the one that ends the node is, may say their last word.

        Args:
            timeout: Seconds to wait for all of them together.

        Returns:
            Whether all returned; the names of those that did not are logged.
        """
        deadline = time.monotonic() + timeout
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        endpoint.remove(self._path)
        self._let_finish(time.monotonic() + _LAST_WORD)
        with self._lock:
            for connection in self._connections:
                shut(connection)
            threads = [*self._connections.values()]
        if self._acceptor.is_alive():
            threads.append(self._acceptor)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        late = [thread.name for thread in threads if thread.is_alive()]
        if late:
            _log.error("gateway calls still running after %.0f s: %s", timeout, ", ".join(late))
        return not late

    def _let_finish(self, deadline: float) -> None:
        with self._lock:
            threads = list(self._connections.values())
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if not self._closed.wait(_PAUSE):
                    _log.warning("gateway: no connection could be accepted: %s", error)
                continue
            # A blocked send gives up by itself, while reads are waited for with poll.
            limit = struct.pack("ll", int(SEND_TIMEOUT), 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            if self._places.acquire(blocking=False):
                self._admit(connection)
            else:
                self._refuse(connection, self._busy())

    def _admit(self, connection: socket.socket) -> None:
        thread = threading.Thread(
            target=self._run, args=(connection,), name="gateway call", daemon=True
        )
        try:
            with self._lock:
                # A thread cannot tell when it has ended: the next one tidies up after it.
                living = [(old, its) for old, its in self._connections.items() if its.is_alive()]
                self._connections = dict(living)
                thread.start()
                self._connections[connection] = thread
        except RuntimeError as error:
            self._places.release()
            self._refuse(connection, _exhausted(error))

    def _busy(self) -> GatewayError:
        return GatewayError(
            ErrorCode.FAILED,
            f"the node already serves {self._calls} calls, which is its limit",
            "close a `logs -f`, `ps --watch` or `attach` that is no longer needed, and try again",
        )

    def _refuse(self, connection: socket.socket, error: GatewayError) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(pack(self._greeting))
            connection.sendall(pack({"id": "", "error": error.to_plain()}))

    def _run(self, connection: socket.socket) -> None:
        try:
            self._serve(connection)
        except FrameError as error:
            _log.warning("gateway connection closed: %s", error)
        except OSError as error:
            _log.debug("gateway client went away: %s", error)
        finally:
            connection.close()
            self._places.release()

    def _serve(self, connection: socket.socket) -> None:
        uid = endpoint.peer_uid(connection)
        if uid != os.getuid():
            self._refuse(connection, _stranger(uid))
            return
        connection.sendall(pack(self._greeting))
        session = Session(connection)
        request = next(session.incoming, None)
        if request is None:
            return
        call = _parse(request, session.transmit)
        if call.verb in RESERVED:
            self._run_call(connection, session, call)
        elif self._free.acquire(blocking=False):
            try:
                self._run_call(connection, session, call)
            finally:
                self._free.release()
        else:
            session.finish({"id": call.trace, "error": self._busy().to_plain()})

    def _run_call(self, connection: socket.socket, session: Session, call: Call) -> None:
        session.deadline = None if call.timeout is None else time.monotonic() + call.timeout
        threading.current_thread().name = f"gateway {call.verb} {call.trace}"
        watcher = threading.Thread(
            target=session.watch, args=(call,), name=f"gateway watch {call.trace}", daemon=True
        )
        try:
            watcher.start()
        except RuntimeError as error:
            session.finish({"id": call.trace, "error": _exhausted(error).to_plain()})
            return
        try:
            with tracing.under(call.trace):
                self._answer(call, session)
        finally:
            # Wakes the watcher; the client has the whole answer in its own buffer by now.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
            call.cancel()
            watcher.join()

    def _answer(self, call: Call, session: Session) -> None:
        try:
            self._send_items(call)
        except (Cancelled, OSError) as error:
            _log.debug("call %s %s was cancelled: %r", call.verb, call.trace, error)
        except GatewayError as error:
            session.finish({"id": call.trace, "error": error.to_plain()})
        except Exception as error:  # noqa: BLE001 (whatever a handler raises is the answer)
            _log.exception("call %s %s failed", call.verb, call.trace)
            session.finish({"id": call.trace, "error": _fault(call, error).to_plain()})
        else:
            session.finish({"id": call.trace, "end": True})

    def _send_items(self, call: Call) -> None:
        handler = self._handlers.get(call.verb)
        if handler is None:
            raise _unknown(call.verb, self._handlers)
        items = iter(handler(call))
        try:
            for item in items:
                call.send(item)
        finally:
            # A generator that was left midway still holds what it opened.
            if isinstance(items, Generator):
                items.close()


def _parse(request: Frame, transmit: Callable[[Frame], None]) -> Call:
    match request:
        case {
            "id": str() as trace,
            "verb": str() as verb,
            "args": dict() as args,
            "timeout": (int() | float() | None) as timeout,
        }:
            return Call(trace, verb, args, transmit, timeout)
    raise FrameError(f"not a request but a map of {sorted(request)}")


def _exhausted(error: RuntimeError) -> GatewayError:
    return GatewayError(
        ErrorCode.FAILED, f"the node cannot serve another call: {error}", "try again in a moment"
    )


def _stranger(uid: int) -> GatewayError:
    return GatewayError(
        ErrorCode.DENIED,
        f"this node belongs to user {os.getuid()}, and you are user {uid}",
        "start a node of your own: simulacra up --detach",
    )


def _unknown(verb: str, handlers: Mapping[str, Handler]) -> GatewayError:
    return GatewayError(
        ErrorCode.USAGE,
        f"this node knows no verb {verb!r}, only: {', '.join(sorted(handlers))}",
        "the node may be older than this command: simulacra down, then simulacra up --detach",
    )


def _fault(call: Call, error: Exception) -> GatewayError:
    return GatewayError(
        ErrorCode.FAILED,
        f"the node failed at `{call.verb}`: {type(error).__name__}: {error}",
        f"the node's log has the traceback under trace id {call.trace}",
    )
