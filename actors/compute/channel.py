"""The channel between a node and a worker: packets over an inherited Unix socket pair.

The socket is SOCK_SEQPACKET: one packet is one message, and file descriptors belong to exactly
the packet they came with. A packet is one byte, ``i`` or ``m``, and the message ``[kind, fields]``
in msgpack: inline, or, where it is over `INLINE_LIMIT`, in a memfd sent along. Bulk (snapshots)
never goes through messages: it is written to a memfd once, and the descriptor is passed.

A closed channel means that the other side is gone: the worker ends itself then. A message over
`MESSAGE_LIMIT` is refused on sending.
"""

from __future__ import annotations

import array
import os
import socket
from dataclasses import astuple
from typing import Final

import msgpack

from simulacra.actors.compute.messages import KINDS, WITH_FD, Message

INLINE_LIMIT: Final = 32 * 1024
MESSAGE_LIMIT: Final = 64 * 2**20
FDS_LIMIT: Final = 2

_INLINE: Final = b"i"
_MEMFD: Final = b"m"


class ChannelClosedError(ConnectionError):
    """The other side has closed the channel or ended."""


class MessageTooLargeError(ValueError):
    """A message is over the limit; bulk goes through files or state."""


class Channel:
    """One end of the channel. One thread receives; sending needs a lock of the caller's."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over ``sock``, one end of `pair`."""
        self._socket = sock

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Two ends; neither is inherited unless it is passed on purpose."""
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(near), cls(far)

    def fileno(self) -> int:
        """The descriptor, for selectors and for passing it on."""
        return self._socket.fileno()

    def send(self, message: Message, *, wait: bool = True) -> bool:
        """Send a message; its descriptor, if it has one, stays the caller's to close.

        Args:
            message: what to send.
            wait: whether to wait where the other side is slow.

        Returns:
            Whether it was sent; False only without ``wait``, when the other side is slow.

        Raises:
            MessageTooLargeError: it is over `MESSAGE_LIMIT`.
            ChannelClosedError: the other side is gone.
        """
        kind = type(message).__name__
        values = list(astuple(message))
        fd = values.pop() if kind in WITH_FD else None
        data = msgpack.packb([kind, values])
        if len(data) > MESSAGE_LIMIT:
            raise MessageTooLargeError(
                f"a {kind} of {len(data)} bytes is over the limit of {MESSAGE_LIMIT}:"
                " write it to a file and send the path, or keep it in ctx.state"
            )
        if len(data) <= INLINE_LIMIT:
            return self._send(_INLINE + data, [fd], wait=wait)
        body = memfd(data)
        try:
            return self._send(_MEMFD, [body, fd], wait=wait)
        finally:
            os.close(body)

    def _send(self, packet: bytes, fds: list[int | None], *, wait: bool) -> bool:
        passed = array.array("i", [fd for fd in fds if fd is not None])
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)] if passed else []
        flags = socket.MSG_NOSIGNAL | (0 if wait else socket.MSG_DONTWAIT)
        try:
            self._socket.sendmsg([packet], control, flags)
        except BlockingIOError:
            return False
        except OSError as error:
            raise ChannelClosedError("the other side of the channel is gone") from error
        return True

    def receive(self) -> Message:
        """Wait for the next message; a descriptor that came with it is the caller's to close.

        Raises:
            ChannelClosedError: the other side is gone, or does not keep to the protocol.
        """
        # Not socket.recv_fds: it leaves its flags out, and descriptors would be inherited.
        room = socket.CMSG_SPACE(FDS_LIMIT * array.array("i").itemsize)
        try:
            packet, control, flags, _ = self._socket.recvmsg(
                INLINE_LIMIT + 1, room, socket.MSG_CMSG_CLOEXEC
            )
        except OSError as error:
            raise ChannelClosedError("the other side of the channel is gone") from error
        fds = [fd for _, _, data in control for fd in array.array("i", data)]
        try:
            if not packet or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                raise ChannelClosedError("the channel was closed")
            return _decode(packet, fds)
        finally:
            for fd in fds:
                os.close(fd)

    def close(self) -> None:
        """Close this end: the other side learns of it."""
        self._socket.close()


def memfd(data: bytes) -> int:
    """A new anonymous file that holds ``data``, positioned at its beginning."""
    fd = os.memfd_create("simulacra")
    with os.fdopen(fd, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _decode(packet: bytes, fds: list[int]) -> Message:
    """The message of a packet; takes what it keeps out of ``fds``."""
    try:
        data = _read_memfd(fds.pop(0)) if packet[:1] == _MEMFD else packet[1:]
        kind, values = msgpack.unpackb(data, strict_map_key=False)
        if kind in WITH_FD:
            values.append(fds.pop() if fds else None)
        return KINDS[kind](*values)
    except (ValueError, TypeError, LookupError) as error:
        raise ChannelClosedError(f"not a message of this protocol: {error!r}") from error


def _read_memfd(fd: int) -> bytes:
    with os.fdopen(fd, "rb") as file:
        return file.read(MESSAGE_LIMIT)
