"""What becomes of a network, told in words: events of hosts that come and go, masters and splits.

A host's state is told once, until it is another; a suspicion is not told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from simulacra.actors.cluster.event_kinds import Kind
from simulacra.actors.cluster.events import EventLog
from simulacra.actors.cluster.members import State
from simulacra.actors.cluster.tidings import MasterChanged

_KINDS: Final[dict[State, Kind]] = {
    State.UP: "host.joined",
    State.DOWN: "host.lost",
    State.ASLEEP: "host.asleep",
    State.DETACHED: "host.detached",
    State.LEFT: "host.left",
}
_WORDS: Final = {
    State.UP: "is up",
    State.DOWN: "is lost",
    State.ASLEEP: "is asleep",
    State.DETACHED: "is detached",
    State.LEFT: "has left",
}


class Telling:
    """See the module.

    Args:
        events: where it is told.
        me: this host's name.
        connected: the names of the hosts that are connected now.
    """

    def __init__(self, events: EventLog, me: str, connected: Callable[[], Collection[str]]) -> None:
        self._events = events
        self._me = me
        self._connected = connected
        self._told: dict[str, State] = {}

    def host_changed(self, host: str, state: State, reason: str) -> None:
        """Tell what becomes of a host; what another part held of one that is connected is none."""
        if state is State.SUSPECT or (state is State.DOWN and host in self._connected()):
            return
        if self._told.get(host) is not state:
            self._told[host] = state
            self._events.add(_KINDS[state], host, f"{host} {_WORDS[state]}: {reason}")

    def master_changed(self, change: MasterChanged) -> None:
        """Tell who is master from now on."""
        master, counter = change.epoch.host, change.epoch.counter
        why = change.why or "another host said so"
        self._events.add(
            "master.changed", master, f"{master} is master (epoch {counter}): {why}", epoch=counter
        )

    def split_begun(self, lost: Sequence[str], *, deputy: bool) -> None:
        """Tell that hosts are in another part; whether this one is the deputy of its own."""
        text = f"a split has begun: {', '.join(lost)} cannot be reached any more"
        text += f"; {self._me} is deputy here" if deputy else ""
        self._events.add("split.begun", "", text, lost=list(lost), deputy=deputy)

    def split_merged(self, split: dict[str, Any]) -> None:
        """Tell that two parts are one again; ``split`` as the focus records it."""
        ours, theirs = split["ours"]["count"], split["theirs"]["count"]
        text = (
            f"a split is healed: {split['from']} brought {theirs} changes of the other side, here "
            f"there were {ours}; see simulacra splits"
        )
        self._events.add("split.healed", str(split["from"]), text, ours=ours, theirs=theirs)
