"""A process that makes files for a tree's thread, which does meanwhile what only it can do.

It is told which files to stage, of bytes that lie in a file in memory: it verifies these, makes the
files under temporary names (`staging`), and tells what `stat` says of them. And it is told which of
them to put where nothing is, once they are on the disk. Nothing else is its business. What it
cannot do, for whatever reason, is left as it was, and done by who asked.

Over a SOCK_SEQPACKET pair each packet is ``.`` with open files, of which the first has a list in
msgpack. Requests are answered one by one:

=================================================  =============================================
for each file in a request                         in its answer
=================================================  =============================================
``[path, digest, offset, length, mode, mtime,      ``[temporary name, fingerprint, lacking]``,
xattrs]``; the second open file has the bytes      or None where nothing was staged
``[path, temporary name, fingerprint]``            ``[fingerprint]``, or ``[None]`` where somebody
                                                   may have edited it since; None where it is
                                                   where it was staged
=================================================  =============================================

It ends when the socket closes, and is killed when the thread ends that started it. It shares the
lock on the root (`Folders`): while it is there nobody else changes the tree.
"""

from __future__ import annotations

import array
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any, Final

import msgpack

from simulacra.actors.data.applying import displacing, syscalls
from simulacra.actors.data.applying.attributing import by_descriptor
from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.gripping import grip_made
from simulacra.actors.data.applying.refusals import RefusedError, refusing
from simulacra.actors.data.applying.staging import Staging, Unsynced
from simulacra.actors.data.content.descriptors import read_at, write_at
from simulacra.actors.data.content.manifest import hash_of
from simulacra.actors.data.entries import Attributes, Fingerprint, name, parent

_MOST_FILES: Final = 2


def send(to: socket.socket, plain: Any, *files: int) -> None:
    """Send a packet.

    Raises:
        OSError: the other side is gone, or there is no memory for it.
    """
    descriptor = os.memfd_create("packet", os.MFD_CLOEXEC)
    try:
        write_at(descriptor, [msgpack.packb(plain)], 0)
        socket.send_fds(to, [b"."], [descriptor, *files], socket.MSG_NOSIGNAL)
    finally:
        os.close(descriptor)


def receive(source: socket.socket) -> tuple[Any, list[int]]:
    """Wait for the next packet; other files that came with it are the caller's to close.

    Raises:
        EOFError: the other side is gone.
        OSError: it cannot be read.
    """
    # Not socket.recv_fds: it leaves its flags out, and descriptors would be inherited.
    room = socket.CMSG_SPACE(_MOST_FILES * array.array("i").itemsize)
    packet, control, _, _ = source.recvmsg(1, room, socket.MSG_CMSG_CLOEXEC)
    if not packet:
        raise EOFError
    first, *others = (fd for _, _, data in control for fd in array.array("i", data))
    with os.fdopen(first, "rb") as file:
        return msgpack.unpackb(file.read(), use_list=False), others


class Maker:
    """See the module.

    Args:
        folders: the tree.
    """

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._staging = Staging(folders, Unsynced(folders))

    def answer(self, files: Sequence[Any], source: int | None) -> list[Any]:
        """What comes of a request; with a source its files are to be staged, else to be put."""
        self._folders.forget()  # they may have moved since the last one
        if source is None:
            return [self._placed(*file) for file in files]
        return [self._staged(source, *file) for file in files]

    def _placed(self, path: bytes, temporary: bytes, fingerprint: Sequence[int]) -> Any:
        try:
            with refusing(path):
                folder = self._folders.open(parent(path))
                with grip_made(folder, temporary, Fingerprint(*fingerprint), path) as fresh:
                    displacing.place(folder, temporary, folder, name(path))
                    status = fresh.now(folder, name(path))
        except RefusedError:
            return None
        return [Fingerprint.of(status) if status and fresh.sure else None]

    def _staged(
        self,
        source: int,
        path: bytes,
        digest: bytes,
        offset: int,
        length: int,
        mode: int,
        mtime: int,
        xattrs: tuple[tuple[bytes, bytes], ...],
    ) -> Any:
        data = read_at(source, length, offset)
        if hash_of(data) != digest:
            return None
        try:
            made = self._staging.file(
                path,
                lambda into: write_at(into, [data], 0),
                Attributes(mode, mtime, xattrs),
                length,
            )
        except RefusedError:
            return None
        return made.temporary, made.fingerprint, made.lacking


def serve(asking: socket.socket, maker: Maker) -> None:
    """Answer requests until who asks closes the socket."""
    while True:
        try:
            files, sources = receive(asking)
        except (EOFError, ConnectionResetError):
            return
        try:
            send(asking, maker.answer(files, sources[0] if sources else None))
        except BrokenPipeError:
            return
        finally:
            for each in sources:
                os.close(each)


def main() -> None:
    """Be the process: its arguments are who asks, and descriptors of the socket and of the root."""
    parent, asking, root = map(int, sys.argv[1:])
    syscalls.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:  # it died before that, and has asked for things yet
        return
    with (
        socket.socket(fileno=asking) as sock,
        Folders(by_descriptor(root), is_locked=True) as folders,
    ):
        serve(sock, Maker(folders))
