"""Where a computation is to run: on the host where all that it does costs the least time.

The cost of a host h, in seconds:

    data    what it reads elsewhere: bytes / bandwidth, and round trips x round-trip time
    work    cpu seconds x slowdown / speed; slowdown: how many want each core of h, without itself
    moving  unless it is on h already: state / bandwidth, and the pause for freezing

Hosts that cannot take it are refused, each with its reason. Where the user wants it near to
something, the nearest host comes before the cheapest. Of equals the one where it is stays, else the
first by name: the answer never depends on the order of the input. A host that has the data but
just now no room is waited for a little, when that is worth it (delay scheduling: Zaharia et al.,
EuroSys 2010); one that will never have room is not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from simulacra.actors.compute.moves import Software
from simulacra.actors.compute.moving import why_not

FREEZE_SECONDS = 0.25  # handing over takes some 0.05 s, starting a worker some 0.15 s
WAIT_LIMIT_SECONDS = 3.0


@dataclass(frozen=True)
class Host:
    """What is known of a host.

    Attributes:
        name: its name.
        software: what it runs computations with.
        cores: how many.
        load: how many want a core, the computation itself too where it runs.
        speed: of one core, relative to a reference core of 1.0.
        memory_free: in bytes.
        memory_total: in bytes.
        labels: what it was marked with, such as ``"gpu"``.

    Raises:
        ValueError: no cores or no speed.
    """

    name: str
    software: Software
    cores: int = 1
    load: float = 0.0
    speed: float = 1.0
    memory_free: int = 1 << 62
    memory_total: int = 1 << 62
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.cores < 1 or self.speed <= 0:
            raise ValueError(
                f"host {self.name!r} has {self.cores} cores of speed {self.speed}: measure again"
            )


@dataclass(frozen=True)
class Route:
    """What is known of the way between two hosts.

    Attributes:
        round_trip: in seconds.
        bandwidth: in bytes a second.

    Raises:
        ValueError: no bandwidth, or a negative time.
    """

    round_trip: float
    bandwidth: float

    def __post_init__(self) -> None:
        if self.bandwidth <= 0 or self.round_trip < 0:
            raise ValueError(
                f"a route of {self.bandwidth} bytes/s and {self.round_trip} s is none: leave it out"
            )


UNKNOWN_ROUTE = Route(round_trip=0.05, bandwidth=1.25e6)
"""What is assumed where nothing was measured: 50 ms and 10 Mbit/s, a plain line between homes."""

HERE = Route(round_trip=0.0, bandwidth=float("inf"))


@dataclass(frozen=True)
class Read:
    """What a computation reads, or will read, from one host.

    Attributes:
        host: where it is.
        path: what, as the user named it.
        size: bytes still to be read.
        round_trips: requests that wait for their answer, such as opening one of many files.
    """

    host: str
    path: str
    size: int
    round_trips: int = 1


@dataclass(frozen=True)
class Needs:
    """What a computation has still to do, and what it needs for that.

    Attributes:
        name: the computation.
        at: where it is; None before its start.
        reads: what it reads.
        cpu_seconds: work left, in seconds of a reference core.
        busy: how many cores it keeps busy where it is.
        state_size: bytes that would have to move.
        memory: bytes that it takes.
        plain: whether its state is plain data; None before anybody knows.
        labels: what a host must be marked with.
        on: the only host that the user wants it on.
        near: the host of what the user wants it near to.
    """

    name: str
    at: str | None = None
    reads: tuple[Read, ...] = ()
    cpu_seconds: float = 0.0
    busy: float = 0.0
    state_size: int = 0
    memory: int = 0
    plain: bool | None = None
    labels: tuple[str, ...] = ()
    on: str | None = None
    near: str | None = None


@dataclass(frozen=True)
class Network:
    """The hosts that could run something, and the routes between them.

    Attributes:
        hosts: by name.
        routes: by pair of names; measured one way it counts for both.
    """

    hosts: Mapping[str, Host]
    routes: Mapping[tuple[str, str], Route] = field(default_factory=dict)

    @classmethod
    def of(
        cls, hosts: Iterable[Host], routes: Mapping[tuple[str, str], Route] | None = None
    ) -> "Network":
        """A network of these hosts."""
        return cls({host.name: host for host in hosts}, routes or {})

    def route(self, source: str, target: str) -> Route:
        """The way between two hosts; `UNKNOWN_ROUTE` where nothing was measured."""
        if source == target:
            return HERE
        there, back = self.routes.get((source, target)), self.routes.get((target, source))
        return there or back or UNKNOWN_ROUTE


@dataclass(frozen=True)
class Cost:
    """What running on one host costs, in seconds, by where the time goes."""

    transfer: float
    round_trips: float
    work: float
    state: float
    freeze: float

    @property
    def moving(self) -> float:
        """What only the move costs."""
        return self.state + self.freeze

    @property
    def total(self) -> float:
        """All of it."""
        return self.transfer + self.round_trips + self.work + self.moving


@dataclass(frozen=True)
class Alternative:
    """One host as a place for a computation.

    Attributes:
        host: its name.
        cost: what it costs there.
        refused: why it cannot run there, with what would help; None when it can.
        passing: whether that reason may pass by itself.
        best: whether this is the host chosen.
    """

    host: str
    cost: Cost
    refused: str | None = None
    passing: bool = False
    best: bool = False


@dataclass(frozen=True)
class Choice:
    """Where a computation is to run, and why not elsewhere.

    Attributes:
        host: where; None when no host can take it now.
        wait_for: the host that is worth waiting for a little longer before `host` is taken.
        alternatives: all hosts, those that can take it first, the cheapest first.
    """

    host: str | None
    wait_for: str | None
    alternatives: tuple[Alternative, ...]


def cost(needs: Needs, host: Host, network: Network) -> Cost:
    """What it costs to run a computation on a host (see the formula at the top)."""
    transfer = trips = 0.0
    for read in needs.reads:
        route = network.route(read.host, host.name)
        transfer += read.size / route.bandwidth
        trips += read.round_trips * route.round_trip
    others = max(0.0, host.load - (needs.busy if needs.at == host.name else 0.0))
    slowdown = max(1.0, (others + 1) / host.cores)
    work = needs.cpu_seconds * slowdown / host.speed
    if needs.at is None or needs.at == host.name:
        return Cost(transfer, trips, work, 0.0, 0.0)
    state = needs.state_size / network.route(needs.at, host.name).bandwidth
    return Cost(transfer, trips, work, state, FREEZE_SECONDS)


def explain(needs: Needs, network: Network) -> tuple[Alternative, ...]:
    """All hosts as places for a computation; those that can take it first, the cheapest first.

    Args:
        needs: what it has to do.
        network: the hosts that are up, and the routes.
    """
    alternatives = [_alternative(needs, host, network) for host in network.hosts.values()]
    alternatives.sort(key=lambda alternative: _rank(alternative, needs, network))
    if not alternatives or alternatives[0].refused is not None:
        return tuple(alternatives)
    first = alternatives[0]
    return (Alternative(first.host, first.cost, best=True), *alternatives[1:])


def choose(needs: Needs, network: Network, *, waited: float = 0.0) -> Choice:
    """Where a computation is to run.

    Args:
        needs: what it has to do.
        network: the hosts that are up, and the routes.
        waited: for how many seconds a host was waited for already.
    """
    alternatives = explain(needs, network)
    best = next((each for each in alternatives if each.best), None)
    full = [each for each in alternatives if each.passing]
    if best is None:
        return Choice(None, full[0].host if full else None, alternatives)
    wait_for = None
    if full:
        worth = min(best.cost.total - full[0].cost.total, WAIT_LIMIT_SECONDS)
        wait_for = full[0].host if worth > waited else None
    return Choice(best.host, wait_for, alternatives)


def _rank(each: Alternative, needs: Needs, network: Network) -> tuple[object, ...]:
    distance = network.route(needs.near, each.host).round_trip if needs.near else 0.0
    elsewhere = each.host != needs.at
    return each.refused is not None, distance, each.cost.total, elsewhere, each.host


def _alternative(needs: Needs, host: Host, network: Network) -> Alternative:
    lasting = _lasting_refusal(needs, host, network)
    short = needs.memory - host.memory_free if host.name != needs.at else 0
    full = f"it needs {_mib(short)} of memory more than is free there now" if short > 0 else None
    passing = lasting is None and full is not None
    return Alternative(host.name, cost(needs, host, network), lasting or full, passing)


def _lasting_refusal(needs: Needs, host: Host, network: Network) -> str | None:
    if needs.on is not None and needs.on != host.name:
        return f"it was asked to run on {needs.on}; migrate it to lift that"
    missing = sorted(set(needs.labels) - set(host.labels))
    if missing:
        return f"the host is not marked {', '.join(missing)}"
    if needs.memory > host.memory_total:
        return f"it needs {_mib(needs.memory)} of memory, of {_mib(host.memory_total)} there"
    source = network.hosts.get(needs.at) if needs.at is not None else None
    if source is None or source.name == host.name:
        return None
    return why_not(source.software, host.software, plain=needs.plain)


def _mib(size: int) -> str:
    return f"{-(-size // 2**20)} MiB"
