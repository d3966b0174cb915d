"""A chain of stages over several hosts: every assignment, what it costs, and which is best.

The classic is display - edit - compile - data: the display is where the person sits (A), the data
where it is kept (B), and what lies between may be on either: AA, AB, BB (and BA, never wise).
The cost of an assignment: each stage's work on its host, and between neighbours on different hosts
bytes / bandwidth and round trips x round-trip time.
"""

from dataclasses import dataclass
from itertools import pairwise, product
from math import prod

from simulacra.actors.compute.placement import Needs, Network, cost

ROW_LIMIT = 4096


@dataclass(frozen=True)
class Stage:
    """One stage, and what flows between it and the next.

    Attributes:
        name: its name.
        pinned: the host that it cannot leave, or None.
        cpu_seconds: its work, in seconds of a reference core.
        size: bytes between it and the next stage.
        round_trips: requests between it and the next stage that wait for their answer.
    """

    name: str
    pinned: str | None = None
    cpu_seconds: float = 0.0
    size: int = 0
    round_trips: int = 0


@dataclass(frozen=True)
class Row:
    """One assignment of the stages to hosts.

    Attributes:
        hosts: each stage's host, in the order of the chain.
        work: seconds of all stages' work.
        flow: seconds of all that passes between hosts.
        best: whether no other assignment costs less.
    """

    hosts: tuple[str, ...]
    work: float
    flow: float
    best: bool = False

    @property
    def total(self) -> float:
        """All of it, in seconds."""
        return self.work + self.flow


def explain_chain(stages: tuple[Stage, ...], network: Network) -> tuple[Row, ...]:
    """Every assignment of the stages that are not pinned, the cheapest first and marked best.

    Of equals the one that changes hosts less often is first, then the first by names.

    Args:
        stages: the chain, in order.
        network: the hosts and routes.

    Raises:
        ValueError: a stage is pinned to an unknown host, or there are more than 4096 assignments.
    """
    names = sorted(network.hosts)
    for stage in stages:
        if stage.pinned is not None and stage.pinned not in network.hosts:
            raise ValueError(
                f"stage {stage.name!r} is pinned to {stage.pinned!r}, which is not among the hosts "
                f"({', '.join(names)}); see: simulacra status"
            )
    places = [[stage.pinned] if stage.pinned is not None else names for stage in stages]
    count = prod(len(each) for each in places)
    if count > ROW_LIMIT:
        raise ValueError(
            f"{count} assignments are too many to list (at most {ROW_LIMIT}): pin more stages"
        )
    rows = sorted((_row(stages, hosts, network) for hosts in product(*places)), key=_rank)
    return tuple(
        Row(row.hosts, row.work, row.flow, best=number == 0) for number, row in enumerate(rows)
    )


def _rank(row: Row) -> tuple[float, int, tuple[str, ...]]:
    changes = sum(one != other for one, other in pairwise(row.hosts))
    return row.total, changes, row.hosts


def _row(stages: tuple[Stage, ...], hosts: tuple[str, ...], network: Network) -> Row:
    work = flow = 0.0
    for stage, host in zip(stages, hosts, strict=True):
        needs = Needs(stage.name, cpu_seconds=stage.cpu_seconds)
        work += cost(needs, network.hosts[host], network).work
    for stage, (one, other) in zip(stages, pairwise(hosts), strict=False):
        route = network.route(one, other)
        flow += stage.size / route.bandwidth + stage.round_trips * route.round_trip
    return Row(hosts, work, flow)
