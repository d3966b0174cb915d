"""Tells when this machine's own addresses or cables change, as the kernel says it, at once.

Only what matters to how peers reach this host: the overlay's own devices are left out.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Final

from simulacra.overlay.mesh.model import ModelError, check_device

_GROUPS: Final = 0x1 | 0x10 | 0x100
"""RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR."""
_HEADER: Final = struct.Struct("=IHHII")
_ADDRESSES: Final = frozenset({20, 21})
"""RTM_NEWADDR, RTM_DELADDR: the index follows four bytes; in what tells of links too."""
_LINKS: Final = frozenset({16, 17})
_INDEX: Final = struct.Struct("=4xI")


class AddressWatch:
    """Calls back, in a thread of its own, from the moment this is made until `close`.

    Args:
        changed: called for one change or several at once.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.bind((0, _GROUPS))
        self._socket.settimeout(0.5)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="simulacra-addresses", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        self._thread.join(5.0)
        self._socket.close()

    def _run(self) -> None:
        while not self._closing:
            try:
                said = self._socket.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:
                self._changed()  # it said more than there was room for
                continue
            if any(_matters(index) for index in indices(said)):
                self._changed()


def indices(said: bytes) -> list[int]:
    """The interfaces that messages of the kernel are about."""
    found = []
    at = 0
    while at + _HEADER.size + _INDEX.size <= len(said):
        length, kind, *_ = _HEADER.unpack_from(said, at)
        if length < _HEADER.size:
            break
        if kind in _ADDRESSES | _LINKS:
            found.append(int(_INDEX.unpack_from(said, at + _HEADER.size)[0]))
        at += (length + 3) & ~3
    return found


def _matters(index: int) -> bool:
    """Whether an interface is none of the overlay's; of one that is gone it is not known."""
    with contextlib.suppress(OSError, ModelError):
        check_device(socket.if_indextoname(index))
        return False
    return True
