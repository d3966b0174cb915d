"""Bonds: the links and monitors between the actors here and those of one peer.

They are kept so that the loss of the peer ends each exactly once. A bond is noted when its signal
passes, in either direction, and struck out when the one that ends it passes. Pure: signals in,
signals to local actors out; the owner guards it.
"""

from __future__ import annotations

from simulacra.actors.runtime.reason import NOCONNECTION
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.signals import (
    Demonitor,
    DownSignal,
    ExitSignal,
    Link,
    Monitor,
    Signal,
    Unlink,
)

_MonitorKey = tuple[int, Ref]


class Bonds:
    """The links and monitors between this node and one peer."""

    def __init__(self) -> None:
        self._links: set[tuple[Ref, Ref]] = set()
        self._watching: dict[_MonitorKey, Ref] = {}
        self._watched: dict[_MonitorKey, Ref] = {}

    def __len__(self) -> int:
        return len(self._links) + len(self._watching) + len(self._watched)

    def sent(self, to: Ref, signal: Signal) -> None:
        """A local actor's signal is on its way to ``to``, an actor of the peer."""
        match signal:
            case Link(sender):
                self._links.add((sender, to))
            case Unlink(sender) | ExitSignal(sender, _, True):
                self._links.discard((sender, to))
            case Monitor(monitor, watcher):
                self._watching[monitor, watcher] = to
            case Demonitor(monitor, watcher):
                self._watching.pop((monitor, watcher), None)
            case DownSignal(monitor):
                self._watched.pop((monitor, to), None)

    def received(self, to: Ref, signal: Signal) -> None:
        """A signal of the peer's came for ``to``, a local actor."""
        match signal:
            case Link(sender):
                self._links.add((to, sender))
            case Unlink(sender) | ExitSignal(sender, _, True):
                self._links.discard((to, sender))
            case Monitor(monitor, watcher):
                self._watched[monitor, watcher] = to
            case Demonitor(monitor, watcher):
                self._watched.pop((monitor, watcher), None)
            case DownSignal(monitor):
                self._watching.pop((monitor, to), None)

    def lost(self) -> list[tuple[Ref, Signal]]:
        """The peer is lost: what each local actor is to be told. All bonds are gone then."""
        told: list[tuple[Ref, Signal]] = [
            (local, ExitSignal(remote, NOCONNECTION)) for local, remote in self._links
        ]
        told += [
            (watcher, DownSignal(monitor, remote, NOCONNECTION))
            for (monitor, watcher), remote in self._watching.items()
        ]
        told += [
            (local, Demonitor(monitor, watcher))
            for (monitor, watcher), local in self._watched.items()
        ]
        self.__init__()  # type: ignore[misc]  # as new
        return told
