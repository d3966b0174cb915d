"""An actor system: the actors of one node, their names and groups, and the way to other nodes.

Several systems may live in one process; each has its own registry, timers, dead letters and
transport.
"""

from __future__ import annotations

import secrets
import threading
import weakref
from itertools import count
from typing import Any, Protocol, Self

from simulacra.actors.runtime.actor import Actor, is_actor_class
from simulacra.actors.runtime.cell import Cell
from simulacra.actors.runtime.dead_letters import DeadLetters
from simulacra.actors.runtime.errors import (
    ActorDeadError,
    AskTimeoutError,
    NameTakenError,
)
from simulacra.actors.runtime.futures import Reply, cells
from simulacra.actors.runtime.groups import Groups
from simulacra.actors.runtime.mailbox import Mailbox, Overflow
from simulacra.actors.runtime.reason import NOCONNECTION, NOPROC, SHUTDOWN
from simulacra.actors.runtime.refs import Address, Ref, Target
from simulacra.actors.runtime.signals import Monitor
from simulacra.actors.runtime.targets import LocalTarget, Named, Nowhere, Watch
from simulacra.actors.runtime.timers import TimerWheel

_systems: weakref.WeakSet[ActorSystem] = weakref.WeakSet()


class Carrier(Protocol):
    """What carries mail and signals to other nodes."""

    def route(self, address: Address) -> Target:
        """The way to an actor of another node."""


class ActorSystem:
    """The actors of one node.

    Example::

        with ActorSystem("laptop") as system:
            greeter = system.spawn(Greeter, name="greeter")
            greeter.ask("hello")

    Attributes:
        exposed: the names of the actors that outside hosts reach; see `outside`.
        open_apart: how the names of those actors begin that nodes reach from which this one keeps
            apart, or which keep apart from it; see `outside`.
    """

    def __init__(self, name: str = "local") -> None:
        self.name = name
        self.incarnation = secrets.randbits(63) | 1
        self.dead_letters = DeadLetters()
        self.timers = TimerWheel(name)
        self.groups = Groups()
        self.exposed: set[str] = set()
        self.open_apart: tuple[str, ...] = ()
        self._ids = count(1)
        self._lock = threading.Lock()
        self._cells: dict[int, Cell] = {}
        self._names: dict[str, Cell] = {}
        self._watches: dict[int, Watch] = {}
        self._abandoned: set[Cell] = set()
        self._carrier: Carrier | None = None
        self._stopping = False
        _systems.add(self)

    # -- starting actors

    def spawn(
        self,
        behaviour: type[Actor],
        *args: Any,
        name: str | None = None,
        parent: Cell | None = None,
        bound: int = 65_536,
        overflow: Overflow = Overflow.BLOCK,
        start_timeout: float | None = None,
        **kwargs: Any,
    ) -> Ref:
        """Start an actor and wait until it has started.

        Args:
            behaviour: the actor's class; it is made in the actor's own thread.
            args: for the class.
            kwargs: for the class.
            name: to register it under, until it ends.
            parent: the actor it is linked to and obeys; `Actor.spawn` says who.
            bound: how many messages its mailbox holds.
            overflow: what happens to more.
            start_timeout: seconds its start may take; None means for ever, as in OTP.

        Raises:
            StartError: its constructor or `on_start` raised; the reason is in the error.
            IgnoreStart: it said that it does not want to run.
            NameTakenError: another living actor has the name.
            AskTimeoutError: it took longer than ``start_timeout``, and was killed.
            TypeError: ``behaviour`` is no class of actors.
            ValueError: the bound, the policy or the name is none.
        """
        if not is_actor_class(behaviour):
            raise TypeError(f"spawn takes a subclass of Actor, and makes it: not {behaviour!r}")
        cell = Cell(self, next(self._ids), behaviour, Mailbox(bound, overflow), parent)
        self._enter(cell, name)
        if parent is not None:
            parent.ties.adopt(cell.ref)
        cell.start(args, kwargs)
        try:
            ref: Ref = cell.started.get(timeout=start_timeout)
        except AskTimeoutError:
            if parent is not None:  # it hears of it by the error, not by the link
                parent.ties.unlink(cell.ref)
            cell.kill()
            raise AskTimeoutError(
                f"{behaviour.__qualname__} did not start within {start_timeout:g} s: killed"
            ) from None
        return ref

    def _enter(self, cell: Cell, name: str | None) -> None:
        with self._lock:
            if self._stopping:
                raise ActorDeadError(f"the actor system {self.name!r} is stopping", SHUTDOWN)
            if name is not None:
                self._claim(name, cell)
            self._cells[cell.id] = cell

    # -- names

    def register(self, name: str, ref: Ref) -> None:
        """Give a living local actor a name, until it ends.

        Raises:
            NameTakenError: another living actor has the name.
            ValueError: it is none.
            ActorDeadError: there is no such actor here.
        """
        with self._lock:
            node, incarnation, actor = ref.address
            cell = self._cells.get(actor) if isinstance(actor, int) else None
            if cell is None or (node, incarnation) != (self.name, self.incarnation):
                raise ActorDeadError(f"{ref} does not live in {self.name!r}", NOPROC)
            self._claim(name, cell)

    def _claim(self, name: str, cell: Cell) -> None:
        if not name or "@" in name:
            raise ValueError(f"a name has letters, and no @, which is before a node's: {name!r}")
        holder = self._names.get(name)
        if holder is not None:
            raise NameTakenError(f"{name!r} is taken by {holder.ref}")
        if cell.name is not None:
            raise NameTakenError(f"{cell.ref} already has the name {cell.name!r}")
        self._names[name] = cell
        cell.name = name

    def unregister(self, name: str) -> None:
        """Take a name away from whoever has it."""
        with self._lock:
            cell = self._names.pop(name, None)
            if cell is not None:
                cell.name = None

    def whereis(self, name: str) -> Ref | None:
        """The local actor with that name, if there is one."""
        cell = self._names.get(name)
        return None if cell is None else cell.ref

    def registered(self) -> list[str]:
        """All names given now, sorted."""
        with self._lock:
            return sorted(self._names)

    # -- refs

    def ref(self, address: Address | str) -> Ref:
        """A ref to an actor, by its address or as ``name`` or ``name@node``."""
        if isinstance(address, str):
            name, _, node = address.partition("@")
            address = (node or self.name, 0, name)
        return Ref(address, self._target(address))

    def _target(self, address: Address) -> Target:
        node, incarnation, actor = address
        if node != self.name:
            return (
                Nowhere(self, address, NOCONNECTION)
                if self._carrier is None
                else self._carrier.route(address)
            )
        if incarnation not in (0, self.incarnation):
            return Nowhere(self, address, NOPROC)
        return Named(self, actor) if isinstance(actor, str) else self.local_target(actor)

    def local_target(self, actor: int | str) -> LocalTarget:
        """The local actor that has an id or a name now; a dead end (``noproc``) if none has."""
        target: LocalTarget | None
        if isinstance(actor, str):
            target, incarnation = self._names.get(actor), 0
        else:
            target = self._cells.get(actor) or self._watches.get(actor)
            incarnation = self.incarnation
        return target or Nowhere(self, (self.name, incarnation, actor), NOPROC)

    def attach(self, carrier: Carrier) -> None:
        """Let ``carrier`` bring mail and signals to other nodes."""
        self._carrier = carrier

    # -- watching from outside an actor

    def watch(self, ref: Ref) -> Reply:
        """A future of the reason why an actor ends, for threads that are no actors."""
        watch = Watch(self, next(self._ids))
        with self._lock:
            self._watches[watch.id] = watch
        watch.reason.on_answer(lambda _: self._unwatch(watch))
        ref.signal(Monitor(watch.id, watch.ref))
        return watch.reason

    def _unwatch(self, watch: Watch) -> None:
        with self._lock:
            self._watches.pop(watch.id, None)

    # -- what cells tell

    def next_id(self) -> int:
        """A number never used before in this node's process."""
        return next(self._ids)

    def forget(self, cell: Cell) -> None:
        """A cell has ended: its name, groups and entry go."""
        with self._lock:
            self._cells.pop(cell.id, None)
            if cell.name is not None and self._names.get(cell.name) is cell:
                del self._names[cell.name]
        self.groups.leave_all(cell.ref)

    def thread_abandoned(self, cell: Cell) -> None:
        """A cell is being killed; its thread may go on for a while."""
        with self._lock:
            if not cell.returned:
                self._abandoned.add(cell)

    def thread_returned(self, cell: Cell) -> None:
        """A cell's thread is at its end."""
        with self._lock:
            cell.returned = True
            self._abandoned.discard(cell)

    @property
    def abandoned(self) -> int:
        """How many threads of killed actors are still busy in user code."""
        return len(self._abandoned)

    # -- the whole

    def actors(self) -> list[Cell]:
        """The living actors, oldest first."""
        with self._lock:
            return sorted(self._cells.values(), key=lambda cell: cell.id)

    def stop(self, timeout: float = 10.0) -> list[Ref]:
        """End all actors, the newest of those without a parent first.

        Args:
            timeout: seconds that each actor without a parent may take; then it is killed.

        Returns:
            Those that had to be killed.
        """
        with self._lock:
            self._stopping = True
        roots = [cell for cell in reversed(self.actors()) if cell.parent is None]
        killed = [cell.ref for cell in roots if not self._end_one(cell, timeout)]
        leftovers = reversed(self.actors())
        killed += [cell.ref for cell in leftovers if not self._end_one(cell, timeout)]
        self.timers.close()
        _systems.discard(self)
        return killed

    @staticmethod
    def _end_one(cell: Cell, timeout: float) -> bool:
        try:
            cell.ref.exit(SHUTDOWN, timeout=timeout)
        except AskTimeoutError:
            cell.kill()
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<ActorSystem {self.name!r}, {len(self._cells)} actors>"


def rebind(address: Address) -> Ref:
    """Make a ref out of its pickled address, in the node of the current actor or the only one here.

    Raises:
        RuntimeError: several nodes live in this process, and no actor of one of them asks.
    """
    cell = cells.get(threading.get_ident())
    if cell is not None:
        ref: Ref = cell.system.ref(address)
        return ref
    systems = list(_systems)
    if len(systems) != 1:
        raise RuntimeError(f"{len(systems)} actor systems live here: unpickle refs inside an actor")
    return systems[0].ref(address)
