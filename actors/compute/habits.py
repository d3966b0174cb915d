"""Where a command of the shell costs least: here, through the mount, or where its directory lies.

Pure. The chain is *display, command, data*: the display is here, the data is there, and the
command may be on either (see `chain`); in a session of editing and compiling the editor's command
and the compiler's are each such a link, so that it is AA, AB or BB as a whole.

What a command needs is learned from its runs, for each command and mount:

    there   seconds = START + 3 x round trip + work
    here    seconds = work + trips x (round trip + what the mount's own machinery takes)

A run on one side tells of the other by the ratio `TRIPS`, until that has been tried, too. What was
learned of trips counts at whatever the round trip is now: the same warm metadata that is faster
here at no distance is far slower at ten milliseconds.

It changes sides only for a gain of over a fifth, and over `START`, three runs one after another; at
once where the other side is three times as fast. Each change back within ten minutes doubles the
number of runs, so that costs that swing do not make it flap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from simulacra.actors.compute.chain import Row, Stage, explain_chain
from simulacra.actors.compute.placement import Network, Route

START: Final = 0.05  # a guard and a line, measured on one machine
TRIPS: Final = 10_000.0
WORK: Final = 0.1
MOUNT_SECONDS: Final = 30e-6
OUTPUT: Final = 10_000
LEAST_GAIN: Final = 0.2
AT_ONCE: Final = 3.0
RUNS: Final = 3
RUNS_LIMIT: Final = 48
REVERSAL_SECONDS: Final = 600.0
_FRESH: Final = 0.5
START_TRIPS: Final = 3


@dataclass(frozen=True, slots=True)
class Costs:
    """What a command costs on either side, in seconds.

    Attributes:
        here: through the mount.
        there: where the directory lies.
        rows: the chain's assignments, the cheapest first.
    """

    here: float
    there: float
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Where to run it now.

    Attributes:
        there: whether it is to run where the directory lies.
        costs: by what.
        why: in words.
    """

    there: bool
    costs: Costs
    why: str


class Hysteresis:
    """On which side a command is now, and when it changes; see the module."""

    def __init__(self) -> None:
        self._is_there: bool | None = None
        self._better = 0
        self._runs = RUNS
        self._changed: float | None = None

    def choose(self, costs: Costs, here: str, there: str, now: float) -> Choice:
        """Where it is to run now; each call is a run.

        Args:
            costs: what it costs now.
            here: the host of the one side.
            there: the host of the other.
            now: the time in seconds.
        """
        better = costs.there < costs.here
        if self._is_there is None:
            self._is_there = better
        elif better == self._is_there or not _is_gain(costs):
            self._better = 0
        else:
            self._consider(costs, now)
        return Choice(self._is_there, costs, self._why(costs, here, there))

    def _consider(self, costs: Costs, now: float) -> None:
        self._better += 1
        low, high = sorted((costs.here, costs.there))
        at_once = high > AT_ONCE * low and self._runs == RUNS
        if self._better < self._runs and not at_once:
            return
        recent = self._changed is not None and now - self._changed < REVERSAL_SECONDS
        runs = self._runs * 2 if recent else self._runs // 2
        self._runs = min(max(runs, RUNS), RUNS_LIMIT)
        self._is_there, self._better, self._changed = not self._is_there, 0, now

    def _why(self, costs: Costs, here: str, there: str) -> str:
        cheaper, dearer = (there, here) if costs.there < costs.here else (here, there)
        where = there if self._is_there else here
        if where == cheaper:
            return f"it costs least on {cheaper}"
        if not self._better:
            return f"it would cost less on {cheaper}, but by too little to leave {dearer}"
        left = self._runs - self._better
        return f"it stays on {where}; after {left} more runs that cost less on {cheaper} it changes"


class Habit:
    """What was learned of one command on one mount."""

    def __init__(self) -> None:
        self._work: float | None = None
        self._here: tuple[float, float] | None = None
        self._hysteresis = Hysteresis()

    # -- what it needs

    def ran_there(self, seconds: float, round_trip: float) -> None:
        """It ran where the directory lies, for so long as was seen from here."""
        work = max(0.001, seconds - START - START_TRIPS * round_trip)
        self._work = work if self._work is None else mixed(self._work, work)

    def ran_here(self, seconds: float, round_trip: float) -> None:
        """It ran here, at such a round trip."""
        trip = round_trip + MOUNT_SECONDS
        if self._here is not None:  # both alike, so that their relation stays what it is
            seconds, trip = mixed(self._here[0], seconds), mixed(self._here[1], trip)
        self._here = seconds, trip

    @property
    def work(self) -> float:
        """Seconds that it works, wherever that is."""
        if self._work is not None:
            return self._work
        if self._here is None:
            return WORK
        seconds, trip = self._here
        return seconds / (1 + TRIPS * trip)

    @property
    def trips(self) -> float:
        """How often it waits for an answer through the mount."""
        if self._here is None:
            return TRIPS * self.work
        seconds, trip = self._here
        return max(0.0, seconds - self.work) / trip

    def costs(self, here: str, there: str, network: Network) -> Costs:
        """What it costs now on either side.

        Args:
            here: the host of the mount.
            there: the host that the directory lies on.
            network: has both hosts, and the route between them.
        """
        route = network.route(here, there)
        mounted = Route(route.round_trip + MOUNT_SECONDS, route.bandwidth)
        both = Network.of((network.hosts[here], network.hosts[there]), {(here, there): mounted})
        stages = (
            Stage("display", pinned=here, size=OUTPUT, round_trips=START_TRIPS),
            Stage("command", cpu_seconds=self.work, round_trips=round(self.trips)),
            Stage("data", pinned=there),
        )
        rows = [
            replace(row, flow=row.flow + (START if row.hosts[1] == there else 0.0), best=False)
            for row in explain_chain(stages, both)
        ]
        first, second = sorted(rows, key=lambda row: row.total)
        total = {row.hosts[1]: row.total for row in rows}
        return Costs(total[here], total[there], (replace(first, best=True), second))

    # -- where

    def choose(self, here: str, there: str, network: Network, now: float) -> Choice:
        """Where it is to run now; each call is a run.

        Args:
            here: the host of the mount.
            there: the host that the directory lies on.
            network: has both hosts, and the route between them.
            now: the time in seconds.
        """
        costs = self.costs(here, there, network)
        return self._hysteresis.choose(costs, here, there, now)


def _is_gain(costs: Costs) -> bool:
    low, high = sorted((costs.here, costs.there))
    return high - low > max(LEAST_GAIN * high, START)


def mixed(before: float, now: float) -> float:
    """What is reckoned with after something new was seen: half of it is new."""
    return before + _FRESH * (now - before)
