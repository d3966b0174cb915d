"""The addresses behind the plan's endpoints, some of which are names: asked for in the background.

Names are looked up again every minute, as those of hosts at home change; one that cannot be looked
up keeps the address that it had.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Mapping
from typing import Final

from simulacra.overlay.mesh.model import ModelError, split_endpoint
from simulacra.overlay.plan.document import HostPlan

_EVERY: Final = 60.0


def endpoints_of(mine: HostPlan) -> set[str]:
    """All endpoints that a host's part of the plan has."""
    peers = {each for peer in mine.peers for each in peer.endpoints}
    return peers | {each for relay in mine.relays for each in relay.endpoints}


def look_up(endpoints: Iterable[str]) -> dict[str, str]:
    """ADDRESS:PORT by endpoint, of those that can be looked up; it may take a while."""
    found = {}
    for each in endpoints:
        with contextlib.suppress(OSError, ValueError):
            found[each] = each if _is_plain(each) else _look_up(each)
    return found


class Resolver:
    """Looks names up from the moment this is made until `close`.

    Args:
        endpoints: of the plan, ``HOST:PORT`` each.
    """

    def __init__(self, endpoints: Iterable[str]) -> None:
        self._found = {each: each for each in endpoints if _is_plain(each)}
        self._names = sorted(set(endpoints) - self._found.keys())
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        if self._names:
            self._thread = threading.Thread(target=self._run, name="simulacra-names", daemon=True)
            self._thread.start()

    def addresses(self) -> Mapping[str, str]:
        """ADDRESS:PORT by endpoint, of those that are known."""
        return self._found

    def close(self) -> None:
        """Look no more up."""
        self._closing.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._found = {**self._found, **look_up(self._names)}
            self._closing.wait(_EVERY)


def _is_plain(endpoint: str) -> bool:
    with contextlib.suppress(ModelError):
        split_endpoint(endpoint)
        return True
    return False


def _look_up(endpoint: str) -> str:
    host, _, port = endpoint.rpartition(":")
    address = str(socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0][4][0])
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
