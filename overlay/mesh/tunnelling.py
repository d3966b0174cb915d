"""When a relay is come to by OpenVPN instead of over UDP, and when no more: one rung. Pure.

For each relay that has OpenVPN::

    over UDP --nothing answers for a while--> asked for --the tunnel is ready--> tunnelled
    asked for, or tunnelled --UDP works again--> returning --and goes on to--> over UDP

Only a host that reaches no relay over UDP asks, and it asks for one that it may come to so. That
UDP works again is seen by the direct link to the relay, which is tried all the time. While it
returns the tunnel stays, and one that fails then is gone back to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

PATIENCE: Final = 4.0
"""Seconds in which a relay answers over UDP, if it ever does."""
LINGER: Final = 6.0
"""Seconds for which the tunnel stays when it is used no more."""
_TRUST: Final = 3.0
"""Seconds that a way has to show that it works before it is taken to have failed."""


class Phase(Enum):
    """How it stands with one relay."""

    UDP = "over UDP"
    ASKED = "asked for"
    TUNNELLED = "tunnelled"
    RETURNING = "returning"


@dataclass(frozen=True, slots=True)
class _Rung:
    """One relay: its phase, since when, and when its link last worked."""

    phase: Phase
    since: float
    worked: float


@dataclass(frozen=True, slots=True)
class Signs:
    """What is seen of one relay.

    Attributes:
        works: whether the link to it by its device does, whatever carries that.
        udp: whether a link over UDP to it has worked for a while, by another device.
        ready: whether the tunnel to it is there.
    """

    works: bool = False
    udp: bool = False
    ready: bool = False


class Tunnelling:
    """See the module.

    Args:
        relays: those that this host may come to by OpenVPN; others are there only to be reached.

    Attributes:
        tunnelled: the relays to which WireGuard is to go by OpenVPN now.
    """

    def __init__(self, relays: Iterable[str]) -> None:
        self._relays = tuple(relays)
        self._rungs: dict[str, _Rung] = {}
        self.tunnelled: frozenset[str] = frozenset()

    def phase(self, relay: str) -> Phase:
        """How it stands with a relay."""
        rung = self._rungs.get(relay)
        return Phase.UDP if rung is None else rung.phase

    def decide(self, signs: Mapping[str, Signs], now: float) -> frozenset[str]:
        """The relays to which OpenVPN is to lead.

        Args:
            signs: of all relays, by name.
            now: the time.
        """
        cut = not any(
            each.works and self.phase(relay) in (Phase.UDP, Phase.RETURNING)
            for relay, each in signs.items()
        )
        for relay in self._relays:
            before = self._rungs.get(relay) or _Rung(Phase.UDP, now, now)
            sign = signs.get(relay, Signs())
            worked = replace(before, worked=now) if sign.works else before
            phase = _next(worked, sign, cut=cut, now=now)
            fresh = phase is not before.phase
            self._rungs[relay] = _Rung(phase, now, now) if fresh else worked
        self.tunnelled = self._in(Phase.TUNNELLED)
        return self._in(Phase.ASKED, Phase.TUNNELLED, Phase.RETURNING)

    def _in(self, *phases: Phase) -> frozenset[str]:
        return frozenset(relay for relay, rung in self._rungs.items() if rung.phase in phases)


def _next(rung: _Rung, sign: Signs, *, cut: bool, now: float) -> Phase:
    """The phase after a look."""
    silent = now - rung.worked
    match rung.phase:
        case Phase.UDP if cut and silent > PATIENCE:
            return Phase.ASKED
        case Phase.ASKED if sign.works or not cut:
            return Phase.RETURNING
        case Phase.ASKED if sign.ready:
            return Phase.TUNNELLED
        case Phase.TUNNELLED if sign.udp and now - rung.since > _TRUST:
            return Phase.RETURNING
        case Phase.RETURNING if silent > _TRUST and cut:
            return Phase.TUNNELLED if sign.ready else Phase.ASKED
        case Phase.RETURNING if now - rung.since > LINGER and not cut:
            return Phase.UDP
    return rung.phase
