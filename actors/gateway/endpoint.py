"""The gateway's socket file: where it is bound, and who may speak to it.

The file is 0600 in a directory 0700 that belongs to this user, and the kernel is asked whose
process is at the other end (``SO_PEERCRED``). A file left by a node that died is replaced; one
that a living node listens on is not. Binding and removing happen under a lock on the directory,
so that two nodes of one name that start together cannot both win.
"""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError

_PRIVATE: Final = 0o700
_SUN_PATH: Final = 108
_UCRED: Final = struct.Struct("3i")
_BACKLOG: Final = 128


def private_directory(path: Path) -> Path:
    """Make ``path`` a directory that only this user can enter, and return it.

    Raises:
        GatewayError: ``denied`` where somebody else owns it or it is no directory.
    """
    with suppress(FileExistsError):
        path.mkdir(mode=_PRIVATE, parents=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise GatewayError(
            ErrorCode.DENIED,
            f"{path} is not a directory of yours, so a node's socket would not be safe in it",
            f"look who made it: ls -ld {path}; or set SIMULACRA_HOME to a directory of yours",
        )
    if stat.S_IMODE(found.st_mode) != _PRIVATE:
        path.chmod(_PRIVATE)
    return path


def listen(path: Path) -> socket.socket:
    """Bind the socket file ``path`` and listen on it.

    Raises:
        GatewayError: ``failed`` where a living node already listens there, ``denied`` where the
            directory is not this user's.
    """
    private_directory(path.parent)
    with _locked(path.parent), _short(path) as name:
        if _answers(name):
            raise GatewayError(
                ErrorCode.FAILED,
                f"node {path.name} is already up on this machine",
                f"use it, stop it with: simulacra down --node {path.name}, "
                "or give the new one another --name",
            )
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(name)
            path.chmod(0o600)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    return listener


def remove(path: Path) -> None:
    """Remove the socket file of a gateway that has closed, unless a new node has it by now."""
    with suppress(FileNotFoundError), _locked(path.parent), _short(path) as name:
        if not _answers(name):
            path.unlink(missing_ok=True)


def connect(path: Path, *, timeout: float) -> socket.socket:
    """Return a connection to the node that listens on ``path``.

    Args:
        path: The socket file.
        timeout: Seconds to wait where the node's queue of connections is full.

    Raises:
        OSError: Nobody listens there.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        with _short(path) as name:
            connection.connect(name)
    except OSError:
        connection.close()
        raise
    return connection


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process at the other end, as the kernel knows it."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(credentials)
    return int(uid)


def _answers(name: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(name)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield a name of ``path`` that fits into a socket address, which holds 108 bytes."""
    if len(os.fsencode(path)) < _SUN_PATH:
        yield str(path)
        return
    handle = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{path.name}"
    finally:
        os.close(handle)
