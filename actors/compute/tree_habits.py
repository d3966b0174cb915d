"""Where a command of the shell costs least in a tree: on this host's copy, or on another one.

Pure. Unlike a mount (see `habits`), a tree is on both hosts, so nothing goes to and fro while the
command runs, but the edits before it, and its results after it. The chain is *display, edit,
command*: the display is here, and each of the others may be on either host:

| | edit | command | seconds | what is moved |
| --- | --- | --- | --- | --- |
| AA | here | here | work | nothing that is waited for |
| AB | here | there | START + 3 round trips + work + carrying | edits before, results after |
| BB | there | there | START + a round trip for each of `KEYS` + work | keys and the screen |

What is to be decided is between AA and AB, for the edits have been made here by then. BB is what a
person may choose for a whole phase of editing. The work is learned from the command's runs on any
host, as seconds of a reference core; the carrying from what it took; what waits to be carried now
is reckoned on top. Of several other copies the one of the last run is left only for a gain of over
a fifth, and sides are changed as `Hysteresis` says: in a session of editing and compiling AA and AB
follow its phases and do not flap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from simulacra.actors.compute.chain import Stage, explain_chain
from simulacra.actors.compute.habits import (
    LEAST_GAIN,
    OUTPUT,
    START,
    START_TRIPS,
    WORK,
    Choice,
    Costs,
    Hysteresis,
    mixed,
)
from simulacra.actors.compute.placement import Needs, Network, cost

CARRYING: Final = 0.5
"""Seconds that it is reckoned to take to bring two copies into step, there and back, at first."""

CHANGE: Final = 0.0005
"""Seconds for each change that waits to be carried."""

KEYS: Final = 30
"""Keys typed for one run of a command, whose echo is waited for."""


class TreeHabit:
    """What was learned of one command in one tree."""

    def __init__(self) -> None:
        self._work: float | None = None
        self._carrying: float | None = None
        self._there: str | None = None
        self._hysteresis = Hysteresis()

    @property
    def work(self) -> float:
        """Seconds that it works on a reference core."""
        return WORK if self._work is None else self._work

    def ran(self, host: str, seconds: float, network: Network) -> None:
        """It ran so long on a host, without what it took to start it there."""
        work = max(0.001, seconds) / _seconds_of_one(host, network)
        self._work = work if self._work is None else mixed(self._work, work)

    def carried(self, seconds: float) -> None:
        """It took so long to carry edits there and results back."""
        self._carrying = seconds if self._carrying is None else mixed(self._carrying, seconds)

    def costs(self, here: str, there: str, network: Network, changes: int = 0) -> Costs:
        """What it costs now on either side.

        Args:
            here: this host.
            there: the host of the other copy.
            network: has both hosts, and the route between them.
            changes: how many wait to be carried.
        """
        both = Network.of(
            (network.hosts[here], network.hosts[there]), {(here, there): network.route(here, there)}
        )
        stages = (
            Stage("display", pinned=here, size=OUTPUT, round_trips=KEYS),
            Stage("edit", size=OUTPUT, round_trips=START_TRIPS),
            Stage("command", cpu_seconds=self.work),
        )
        carrying = (CARRYING if self._carrying is None else self._carrying) + changes * CHANGE
        # An edit there for a command here is never wise: everything would be moved twice.
        rows = [row for row in explain_chain(stages, both) if row.hosts[1:] != (there, here)]
        rows = [
            replace(row, flow=row.flow + _extra(row.hosts, there, carrying), best=False)
            for row in rows
        ]
        rows.sort(key=lambda row: row.total)
        total = {row.hosts[1:]: row.total for row in rows}
        first, *rest = rows
        return Costs(total[here, here], total[here, there], (replace(first, best=True), *rest))

    def nearest(self, here: str, others: Sequence[str], network: Network, changes: int = 0) -> str:
        """Which of other copies it would cost least to run on; all of them are in the network."""
        there = {each: self.costs(here, each, network, changes).there for each in others}
        best = min(there, key=lambda each: there[each])
        kept = there.get(self._there or "")
        if self._there is None or kept is None or kept - there[best] > LEAST_GAIN * kept:
            self._there = best
        return self._there

    def choose(
        self, here: str, there: str, network: Network, now: float, changes: int = 0
    ) -> Choice:
        """Where it is to run now; each call is a run. The arguments are those of `costs`."""
        costs = self.costs(here, there, network, changes)
        return self._hysteresis.choose(costs, here, there, now)


def _seconds_of_one(host: str, network: Network) -> float:
    """What a second of a reference core takes on a host, as it is loaded now."""
    return cost(Needs("", cpu_seconds=1.0), network.hosts[host], network).work


def _extra(hosts: tuple[str, ...], there: str, carrying: float) -> float:
    _, edit, command = hosts
    return (START if command == there else 0.0) + (carrying if edit != command else 0.0)
