"""An actor's ties to others: links, those who watch it, and those whom it watches.

A link is a shared fate and has two ends; a monitor is one actor's wish to hear once of another's
end. Signals about ties are handled at once, in the thread that brings them, under the ties' lock;
no thread ever holds two actors' locks. The end of the actor cuts all ties, and tells everybody
concerned.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.runtime.mailbox import Mailbox
from simulacra.actors.runtime.reason import NOPROC, ExitReason
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.signals import (
    Demonitor,
    Down,
    DownSignal,
    Exit,
    ExitSignal,
    Link,
    Monitor,
    Signal,
    Stop,
    Unlink,
)

if TYPE_CHECKING:
    from simulacra.actors.runtime.cell import Cell


class Ties:
    """The ties of one actor, from its start to its end.

    Args:
        cell: the actor's cell, for its end by a kill and its fresh numbers.
        parent: the actor that it is linked to from its start, and obeys.

    Attributes:
        trap_exit: whether exits of linked actors become messages.
    """

    __slots__ = (
        "_cell", "_ended", "_links", "_lock", "_mailbox", "_parent", "_ref", "_watchers",
        "_watching", "trap_exit",
    )  # fmt: skip

    def __init__(self, cell: Cell, mailbox: Mailbox, parent: Ref | None) -> None:
        self.trap_exit = False
        self._cell = cell
        self._ref = cell.ref
        self._mailbox = mailbox
        self._parent = parent
        self._lock = threading.Lock()
        self._ended: ExitReason | None = None
        self._links: set[Ref] = set() if parent is None else {parent}
        self._watchers: dict[tuple[int, Ref], None] = {}
        self._watching: dict[int, Ref] = {}

    # -- what the actor does to others

    def link(self, ref: Ref) -> None:
        """Link both ways.

        Raises:
            ValueError: the ref is to a name, not to one actor.
        """
        if isinstance(ref.address[2], str):
            raise ValueError(f"link needs a ref to one actor, not to a name: {ref}")  # noqa: TRY004
        if ref == self._ref:
            return
        with self._lock:
            if ref in self._links or self._ended is not None:
                return
            self._links.add(ref)
        ref.signal(Link(self._ref))

    def adopt(self, child: Ref) -> None:
        """Link to a child that is already linked to this actor; too late a parent ends it."""
        with self._lock:
            if self._ended is None:
                self._links.add(child)
                return
        child.signal(ExitSignal(self._ref, self._ended))

    def unlink(self, ref: Ref) -> None:
        """Unlink both ways; nothing of that actor's end arrives afterwards."""
        with self._lock:
            self._links.discard(ref)
        ref.signal(Unlink(self._ref))
        self._mailbox.remove(lambda message: isinstance(message, Exit) and message.sender == ref)

    def monitor(self, ref: Ref) -> int:
        """Watch; the number that the `Down` will carry."""
        monitor = self._cell.system.next_id()
        with self._lock:
            if self._ended is not None:  # killed, and nobody hears any more
                return monitor
            self._watching[monitor] = ref
        ref.signal(Monitor(monitor, self._ref))
        return monitor

    def demonitor(self, monitor: int, *, flush: bool) -> None:
        """Stop watching; with ``flush``, also take out a `Down` that waits already."""
        with self._lock:
            ref = self._watching.pop(monitor, None)
        if ref is not None:
            ref.signal(Demonitor(monitor, self._ref))
        elif flush:
            self._mailbox.remove(
                lambda message: isinstance(message, Down) and message.monitor == monitor
            )

    def links(self) -> frozenset[Ref]:
        """Those this actor is linked to now."""
        with self._lock:
            return frozenset(self._links)

    # -- signals

    def _on_link(self, signal: Link) -> None:
        with self._lock:
            if self._ended is None:
                self._links.add(signal.sender)
                return
        signal.sender.signal(ExitSignal(self._ref, NOPROC))

    def _on_unlink(self, signal: Unlink) -> None:
        with self._lock:
            self._links.discard(signal.sender)

    def _on_monitor(self, signal: Monitor) -> None:
        with self._lock:
            if self._ended is None:
                self._watchers[signal.monitor, signal.watcher] = None
                return
        signal.watcher.signal(DownSignal(signal.monitor, self._ref, NOPROC))

    def _on_demonitor(self, signal: Demonitor) -> None:
        with self._lock:
            self._watchers.pop((signal.monitor, signal.watcher), None)

    def _on_down(self, signal: DownSignal) -> None:
        with self._lock:  # so that a demonitor with flush comes before all of it or after
            watched = self._watching.pop(signal.monitor, None)
            if watched is not None:
                self._mailbox.put_exempt((Down(signal.monitor, watched, signal.reason), None))

    def _on_exit(self, signal: ExitSignal) -> None:
        if not signal.linked and signal.reason.kind == "kill":
            self._cell.kill()
            return
        with self._lock:  # so that an unlink comes before all of it or after
            if signal.linked:
                if signal.sender not in self._links:
                    return
                self._links.discard(signal.sender)
            if self.trap_exit and signal.sender != self._parent:
                self._mailbox.put_exempt((Exit(signal.sender, signal.reason), None))
            elif signal.reason.kind != "normal" or self.trap_exit or signal.sender == self._ref:
                self._mailbox.put_urgent(Stop(signal.reason))

    # -- the end

    def cut(self, reason: ExitReason, *, unborn: bool) -> None:
        """Tell everybody concerned that the actor has ended; once, and for good.

        Args:
            reason: why.
            unborn: it had not started: its parent hears of it otherwise.
        """
        with self._lock:
            self._ended = reason
            links, self._links = self._links, set()
            watchers, self._watchers = self._watchers, {}
            watching, self._watching = self._watching, {}
        if unborn and self._parent in links:
            links.discard(self._parent)
            self._parent.signal(Unlink(self._ref))
        for monitor, watched in watching.items():
            watched.signal(Demonitor(monitor, self._ref))
        for linked in links:
            linked.signal(ExitSignal(self._ref, reason))
        for monitor, watcher in watchers:
            watcher.signal(DownSignal(monitor, self._ref, reason))


HANDLERS: Final[dict[type[Signal], Callable[[Ties, Any], None]]] = {
    Link: Ties._on_link,  # noqa: SLF001
    Unlink: Ties._on_unlink,  # noqa: SLF001
    Monitor: Ties._on_monitor,  # noqa: SLF001
    Demonitor: Ties._on_demonitor,  # noqa: SLF001
    ExitSignal: Ties._on_exit,  # noqa: SLF001
    DownSignal: Ties._on_down,  # noqa: SLF001
}
"""Which signals are about ties, and what handles each."""
