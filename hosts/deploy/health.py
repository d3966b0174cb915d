"""Whether a host is well after a switch, as the network sees it. Pure.

What the network says is the status of a node: its own, and each host with its state, the version
that it runs, and why it is not up. A host is well when it has been up for some seconds on end,
since one that has just died still counts as up for three or so. A host that was not up before is
not waited for: that it answers by ssh, on the system that was wanted, is all that can be asked.
After a relay, all that were up before must be up again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

UP: Final = "up"
_REFUSED: Final = "refused"
_EXCUSED: Final = frozenset({"asleep", "detached", "left"})
"""States of hosts that went on purpose."""


@dataclass(frozen=True)
class Member:
    """A host of the network, as a node sees it.

    Attributes:
        state: ``up``, or what it is instead.
        version: of Simulacra there, if it was heard from.
        reason: why it is not up, where that is known.
    """

    state: str
    version: str | None = None
    reason: str | None = None


Members = Mapping[str, Member]

_UNKNOWN: Final = Member("unknown")


def members(status: Mapping[str, Any]) -> dict[str, Member]:
    """Return the hosts of a node's status; the node itself is one, and is up."""
    found = {
        peer["host"]: Member(peer["state"], peer.get("version"), peer.get("reason"))
        for peer in status["peers"]
    }
    return found | {status["host"]: Member(UP, status["version"])}


def up(seen: Members) -> frozenset[str]:
    """Return who is up."""
    return frozenset(host for host, member in seen.items() if member.state == UP)


@dataclass
class Watch:
    """Watches a host come back.

    Attributes:
        host: the host.
        required: who must be up; none for a host that was not up before, and is no relay.
        settle: for how many seconds on end.
    """

    host: str
    required: frozenset[str]
    settle: float
    _since: float | None = field(default=None, init=False)
    _refused: float | None = field(default=None, init=False)

    def look(self, seen: Members, now: float) -> str:
        """Take how things are at a time in seconds.

        Returns:
            What is still waited for; empty when the host is well.
        """
        if not self.required:
            return ""
        own = seen.get(self.host, _UNKNOWN)
        refused = self.host in self.required and own.state == _REFUSED
        self._refused = _first(self._refused, now) if refused else None
        missing = {
            host: member
            for host in sorted(self.required)
            if not _is_well(host == self.host, member := seen.get(host, _UNKNOWN))
        }
        if missing:
            self._since = None
            return "; ".join(map(_told, missing, missing.values()))
        self._since = _first(self._since, now)
        left = self.settle - (now - self._since)
        return f"up, for {left:.0f} s more to be sure" if left > 0 else ""

    def is_hopeless(self, now: float) -> bool:
        """Whether others have refused to work with it for so long that waiting is of no use."""
        return self._refused is not None and now - self._refused >= self.settle


def _first(since: float | None, now: float) -> float:
    return now if since is None else since


def _is_well(itself: bool, member: Member) -> bool:
    return member.state == UP or (not itself and member.state in _EXCUSED)


def _told(host: str, member: Member) -> str:
    why = f": {member.reason}" if member.reason else ""
    return f"{host} is {member.state} in the network{why}"


def required(host: str, before: Members, *, relay: bool) -> frozenset[str]:
    """Return who must be up after a host was switched.

    Args:
        host: the host.
        before: how things were before.
        relay: whether others reach each other by it.
    """
    were = up(before)
    if relay:
        return were
    return were & {host}
