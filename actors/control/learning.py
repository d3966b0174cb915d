"""What the node learned of commands that were run in directories of other hosts, and in trees.

It is kept by command and mount or tree, `LIMIT` of them, the oldest forgotten first, and all with
the node. Safe from any thread.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from simulacra.actors.compute.habits import START, START_TRIPS, Choice, Habit
from simulacra.actors.compute.tree_habits import TreeHabit

if TYPE_CHECKING:
    from simulacra.actors.compute.hosts import HostTable
    from simulacra.actors.control.places import Place

LIMIT: Final = 1024
_Kept = TypeVar("_Kept")
_ASKED_FOR: Final = "it was asked to run there"


class Learning:
    """See the module.

    Args:
        hosts: what is known of the hosts.
    """

    def __init__(self, hosts: HostTable) -> None:
        self._hosts = hosts
        self._lock = threading.Lock()
        self._habits: OrderedDict[str, Habit] = OrderedDict()
        self._trees: OrderedDict[str, TreeHabit] = OrderedDict()

    def on_mount(self, key: str, host: str, *, choose: bool) -> Choice | None:
        """Here or there, for a command on a mount; None where the facts of the host are not here.

        Args:
            key: of the command and the mount.
            host: whose the mount is.
            choose: whether it is to be decided; else it runs there, and only the costs are told.
        """
        network, own = self._hosts.network(), self._hosts.host
        if host not in network.hosts:
            return None
        with self._lock:
            habit = _kept(self._habits, key, Habit)
            if choose:
                return habit.choose(own, host, network, time.monotonic())
            return Choice(True, habit.costs(own, host, network), _ASKED_FOR)

    def nearest(self, key: str, others: Sequence[Place]) -> Place | None:
        """Which other copy of a tree is placed best; None where no facts of their hosts came."""
        network = self._hosts.network()
        known = {each.host: each for each in others if each.host in network.hosts}
        if not known:
            return None
        with self._lock:
            habit = _kept(self._trees, key, TreeHabit)
            return known[habit.nearest(self._hosts.host, list(known), network)]

    def in_tree(self, key: str, host: str, changes: int, *, choose: bool) -> Choice | None:
        """As `on_mount`, for a command in a tree that another host has a copy of, too.

        Args:
            key: of the command and the tree.
            host: which other copy.
            changes: how many wait to be carried there.
            choose: as for `on_mount`.
        """
        network, own = self._hosts.network(), self._hosts.host
        if host not in network.hosts:
            return None
        with self._lock:
            habit = _kept(self._trees, key, TreeHabit)
            if choose:
                return habit.choose(own, host, network, time.monotonic(), changes)
            return Choice(True, habit.costs(own, host, network, changes), _ASKED_FOR)

    def ran(self, key: str, host: str, seconds: float) -> None:
        """A command ran so long there; on a mount's host that is whoever's mount it is.

        Args:
            key: as it was told for the command.
            host: where.
            seconds: as seen from here, from the order to start it to its end.
        """
        trip, network = self._hosts.round_trip(host) or 0.0, self._hosts.network()
        with self._lock:
            if key in self._habits:
                self._habits[key].ran_there(seconds, trip)
            elif key in self._trees and host in network.hosts:
                self._trees[key].ran(host, seconds - START - START_TRIPS * trip, network)

    def ran_here(self, key: str, host: str, seconds: float) -> None:
        """A command ran here, through the mount of a host or in this host's copy of a tree."""
        trip, network = self._hosts.round_trip(host) or 0.0, self._hosts.network()
        with self._lock:
            if key in self._habits:
                self._habits[key].ran_here(seconds, trip)
            elif key in self._trees and self._hosts.host in network.hosts:
                self._trees[key].ran(self._hosts.host, seconds, network)

    def carried(self, key: str, seconds: float) -> None:
        """Edits were carried there and results back, in so long."""
        with self._lock:
            if key in self._trees:
                self._trees[key].carried(seconds)


def _kept(table: OrderedDict[str, _Kept], key: str, make: type[_Kept]) -> _Kept:
    found = table.setdefault(key, make())
    table.move_to_end(key)
    while len(table) > LIMIT:
        table.popitem(last=False)
    return found
