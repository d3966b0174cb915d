"""What an outside host may do here: tell, ask and monitor the actors that were exposed, no more.

An outside host (a phone, a guest's machine) is admitted to the network and trusted with nothing.
For it an actor that was not exposed does not exist, whether it does or not; no signal of its but a
monitor's has any effect, and nobody here can be stopped by it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from simulacra.actors.runtime.errors import ActorDeadError
from simulacra.actors.runtime.frames import Entry
from simulacra.actors.runtime.incoming import Incoming
from simulacra.actors.runtime.peer import ActorId
from simulacra.actors.runtime.reason import NOPROC
from simulacra.actors.runtime.signals import Demonitor, DownSignal, Monitor, Signal

_OURS: Final = (Entry.REPLY, Entry.ERROR, Entry.CREDIT, Entry.XOFF, Entry.XON)
"""What answers what this node sent, or concerns the connection itself."""


class Outside(Incoming):
    """What an outside host sends in one session."""

    def _table(self) -> dict[int, Callable[..., None]]:
        allowed = super()._table()
        return {
            **{int(entry): allowed[entry] for entry in _OURS},
            Entry.TELL: partial(self._if_exposed, allowed[Entry.TELL], self._drop),
            Entry.ASK: partial(self._if_exposed, allowed[Entry.ASK], self._deny),
            Entry.SIGNAL: partial(self._if_exposed, self._monitor, self._nobody),
            Entry.ALIVE: partial(self._if_exposed, allowed[Entry.ALIVE], self._deny),
            Entry.STOP: self._deny,
        }

    def _if_exposed(
        self,
        allowed: Callable[..., None],
        denied: Callable[..., None],
        actor: ActorId,
        *rest: Any,
    ) -> None:
        exposed = isinstance(actor, str) and self._is_exposed(actor)
        (allowed if exposed else denied)(actor, *rest)

    def _is_exposed(self, actor: str) -> bool:
        return actor in self._system.exposed

    def _monitor(self, actor: ActorId, signal: Signal) -> None:
        if isinstance(signal, Monitor | Demonitor):
            self._signal(actor, signal)

    def _drop(self, actor: ActorId, message: Any) -> None:
        self._system.dead_letters.add(self._local(actor), message)

    def _nobody(self, actor: ActorId, signal: Signal) -> None:
        if isinstance(signal, Monitor):
            signal.watcher.signal(DownSignal(signal.monitor, self._local(actor), NOPROC))

    def _deny(self, actor: ActorId, number: int, *_: Any) -> None:
        name = str(actor).removeprefix("exposed.")
        error = ActorDeadError(
            f"{self._system.name} exposes no {name!r} to outside hosts: there, type "
            f"simulacra expose {name}",
            NOPROC,
        )
        self._peer.answer(*self._codec.pack([3, number], error))


class Apart(Outside):
    """What a node sends in one session while one of the two keeps apart: as if it were outside.

    It may only look at what is the same on both sides again when they come together.
    """

    def _is_exposed(self, actor: str) -> bool:
        return actor.startswith(self._system.open_apart)

    def _deny(self, _: ActorId, number: int, *__: Any) -> None:
        error = ActorDeadError(
            f"{self._system.name} and {self._peer.name} are apart, since one of them is detached: "
            "there, type simulacra rejoin",
            NOPROC,
        )
        self._peer.answer(*self._codec.pack([3, number], error))
