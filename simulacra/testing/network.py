"""A network in one thread that drives pure state machines, as good or as bad as told.

Every node runs one machine: ``step(event, now)`` gives commands, and ``deadline()`` says when it
wants to be stepped with the tick although nothing happened. The test says what a command means
(`perform`): mostly one of the node's `send`, `after` and `write`. Everything random comes from
one generator, so a schedule is repeated by its seed.

A crash loses the machine, its timers and the mail on its way to the node; the disk stays, and of
the writes not yet confirmed a random number of the oldest (a disk keeps its order).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, Protocol, TypeVar

from simulacra.testing.clock import Timer, VirtualClock

E = TypeVar("E")
C = TypeVar("C")
E_contra = TypeVar("E_contra", contravariant=True)
C_co = TypeVar("C_co", covariant=True)


class Machine(Protocol[E_contra, C_co]):
    """A pure state machine: it decides, and touches nothing."""

    def step(self, event: E_contra, now: float) -> Iterable[C_co]:
        """Take one event at a time in seconds; give the commands it leads to, in order."""

    def deadline(self) -> float | None:
        """When to be stepped with the tick, in seconds; None for not at all."""


@dataclass(frozen=True)
class Link:
    """How mail fares from one node to another.

    Attributes:
        delay: the shortest and the longest time under way, in seconds; drawn for each copy.
        loss: the probability that a message does not arrive.
        duplication: the probability that a second copy arrives.
        fifo: whether what is sent first arrives first, as over one TCP connection.
    """

    delay: tuple[float, float] = (0.001, 0.01)
    loss: float = 0.0
    duplication: float = 0.0
    fifo: bool = False


class SimulatedNode(Generic[E, C]):
    """One node of a `SimulatedNetwork`: a machine, a disk, and what its commands may use.

    Attributes:
        name: the node's name in the network.
        disk: the records written and confirmed, oldest first; it outlives a crash.
    """

    def __init__(
        self,
        network: "SimulatedNetwork[E, C]",
        name: str,
        boot: "Callable[[SimulatedNode[E, C]], Machine[E, C]]",
    ) -> None:
        self.name = name
        self.disk: list[Any] = []
        self._network = network
        self._boot = boot
        self._machine: Machine[E, C] | None = None
        self._timers: list[Timer] = []
        self._alarm: Timer | None = None
        self._unwritten: list[Any] = []

    @property
    def up(self) -> bool:
        """Whether the node runs."""
        return self._machine is not None

    def step(self, event: E) -> None:
        """Give the machine an event and perform the commands; a node that is down takes none."""
        machine = self._machine
        if machine is None:
            return
        for command in machine.step(event, self._network.clock.now):
            self._network.perform(self, command)
            if self._machine is not machine:
                return  # the command was the last before a crash
        self._arm()

    def send(self, target: str, message: Any) -> None:
        """Send a message to another node, or to itself; it may never arrive."""
        self._network.carry(self.name, target, message)

    def after(self, delay: float, event: E) -> None:
        """Step the machine with an event `delay` seconds from now, unless it crashes before."""
        self._timers = [timer for timer in self._timers if timer.active]
        clock = self._network.clock
        self._timers.append(clock.call_later(delay, lambda: self.step(event)))

    def write(self, record: Any, written: E, *, delay: float = 0.005) -> None:
        """Put a record on the disk; the machine is stepped with `written` once it is there."""
        self._unwritten.append(record)

        def confirm() -> None:
            self._unwritten.remove(record)
            self.disk.append(record)
            self.step(written)

        self._timers.append(self._network.clock.call_later(delay, confirm))

    def start(self) -> None:
        """Boot the machine from the disk; does nothing on a node that is up."""
        if self._machine is None:
            self._machine = self._boot(self)
            self._arm()

    def crash(self) -> None:
        """Lose everything but the disk, as with kill -9 or a power cut."""
        self._machine = None
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self.disk += self._unwritten[: self._network.random.randint(0, len(self._unwritten))]
        self._unwritten.clear()
        self._arm()

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        due = self._machine.deadline() if self._machine is not None else None
        if due is None:
            self._alarm = None
        else:
            tick = self._network.tick
            self._alarm = self._network.clock.call_at(due, lambda: self.step(tick))


class SimulatedNetwork(Generic[E, C]):
    """Nodes, the links between them, and one clock.

    Args:
        perform: does what a node's command says, with the node's `send`, `after` and `write`.
        arrived: makes the event of a message that arrives, from the sender's name and the message.
        tick: the event of a deadline that has come.
        seed: what everything random is drawn from: a number, or a generator (Hypothesis' too).
        link: how mail fares where `connect` said nothing else.
    """

    def __init__(
        self,
        *,
        perform: Callable[[SimulatedNode[E, C], C], object],
        arrived: Callable[[str, Any], E],
        tick: E,
        seed: int | Random = 0,
        link: Link | None = None,
    ) -> None:
        self.clock = VirtualClock()
        self.random = seed if isinstance(seed, Random) else Random(seed)  # noqa: S311 - no secret
        self.perform = perform
        self.tick = tick
        self.nodes: dict[str, SimulatedNode[E, C]] = {}
        self._arrived = arrived
        self._link = link or Link()
        self._links: dict[tuple[str, str], Link] = {}
        self._last: dict[tuple[str, str], float] = {}
        self._parts: dict[str, int] = {}

    def add(
        self, name: str, boot: Callable[[SimulatedNode[E, C]], Machine[E, C]]
    ) -> SimulatedNode[E, C]:
        """Add a node and start it.

        Args:
            name: the node's name.
            boot: makes the machine from the node's disk, at first and after every crash.

        Raises:
            ValueError: the name is taken.
        """
        if name in self.nodes:
            raise ValueError(f"there is a node {name!r} already; give each node its own name")
        node = SimulatedNode(self, name, boot)
        self.nodes[name] = node
        node.start()
        return node

    def connect(self, source: str, target: str, link: Link) -> None:
        """Say how mail fares from `source` to `target` (one way) from now on."""
        self._links[source, target] = link

    def split(self, *parts: Sequence[str]) -> None:
        """Cut the network into parts; nodes that are not named are one more part together."""
        self._parts = {name: number for number, part in enumerate(parts, 1) for name in part}

    def heal(self) -> None:
        """Undo `split`. What was sent across meanwhile is lost."""
        self._parts = {}

    def reachable(self, source: str, target: str) -> bool:
        """Whether both nodes are in the same part."""
        return self._parts.get(source, 0) == self._parts.get(target, 0)

    def carry(self, source: str, target: str, message: Any) -> None:
        """Take a message from a node to another as the link between them does."""
        link = self._links.get((source, target), self._link)
        if not self.reachable(source, target) or self.random.random() < link.loss:
            return
        copies = 2 if self.random.random() < link.duplication else 1
        for _ in range(copies):
            self._carry_copy(source, target, message, link)

    def _carry_copy(self, source: str, target: str, message: Any, link: Link) -> None:
        when = self.clock.now + self.random.uniform(*link.delay)
        if link.fifo:
            when = max(when, self._last.get((source, target), when))
            self._last[source, target] = when
        self.clock.call_at(when, lambda: self._hand_over(source, target, message))

    def _hand_over(self, source: str, target: str, message: Any) -> None:
        if target in self.nodes and self.reachable(source, target):
            self.nodes[target].step(self._arrived(source, message))
