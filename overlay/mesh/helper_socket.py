"""The helper's socket: who may ask, and how many at a time.

Processes of one user and of root may ask, and nobody else, whatever the socket's mode is: the
kernel says who is at the other end. Each of at most 8 connections has a thread; who comes when all
are in use, or when no thread is left, is turned away and tries again. While this process has no
descriptor left, who comes waits.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from simulacra.actors.threads import start_thread
from simulacra.overlay.mesh import frames

_CONNECTIONS: Final = 8
_PAUSE: Final = 0.1
_CREDENTIALS: Final = struct.Struct("3i")

Answer = Callable[[dict[str, Any]], dict[str, Any]]

logger = logging.getLogger("simulacra.overlay.helper")


def listen(path: Path) -> socket.socket:
    """The socket that systemd hands over, or one made here; not its mode decides who may ask.

    Raises:
        OSError: none can be made there.
    """
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        return socket.socket(fileno=3)
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.new")
    made.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(made))
    made.chmod(0o666)
    listener.listen()
    made.rename(path)  # whoever sees it can ask
    return listener


class Server:
    """See the module.

    Args:
        answer: what answers a request.
        listener: listens already.
        user: the number of the user who may ask.
    """

    def __init__(self, answer: Answer, listener: socket.socket, user: int) -> None:
        self._answer, self._listener = answer, listener
        self._users = {user, 0}
        self._room = threading.BoundedSemaphore(_CONNECTIONS)

    def serve(self) -> None:
        """Answer until the listener is closed."""
        while self._listener.fileno() >= 0:
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                logger.warning("no connection could be accepted: %s", error)
                time.sleep(_PAUSE)
            else:
                self._begin(connection)

    def _begin(self, connection: socket.socket) -> None:
        user = _user_of(connection)
        if user not in self._users:
            logger.warning("user %d may not ask, and was turned away", user)
            connection.close()
            return
        if not self._room.acquire(blocking=False):
            logger.warning("more than %d connections: one is turned away", _CONNECTIONS)
            connection.close()
            return
        try:
            start_thread(self._attend, connection, name="helper-ask")
        except OSError as error:
            logger.warning("a connection is turned away: %s", error)
            connection.close()
            self._room.release()

    def _attend(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                while (request := frames.receive(connection)) is not None:
                    frames.send(connection, self._answer(request))
        except frames.FrameError as error:
            logger.warning("a connection is ended: %s", error)
        finally:
            self._room.release()


def _user_of(connection: socket.socket) -> int:
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[1])
