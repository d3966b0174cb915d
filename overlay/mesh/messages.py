"""What the overlay's actors tell each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulacra.actors.runtime.wire_types import register


@register("overlay.line")
@dataclass(frozen=True, slots=True)
class Line:
    """A route, as the host at its one end measured it.

    Attributes:
        how: ``direct``, ``punched``, ``relayed``, ``tunnelled`` or ``none``.
        relays: by way of whom.
        trip: seconds there and back; None where nothing comes back.
        loss: share of the last probes that were lost.
        age: seconds since the last answer, when this was said; None: there was none.
    """

    how: str
    relays: tuple[str, ...] = ()
    trip: float | None = None
    loss: float = 0.0
    age: float | None = None


@register("overlay.told")
@dataclass(frozen=True, slots=True)
class Told:
    """What a host knows of the mesh that others need.

    Attributes:
        host: who says it.
        attached: of a relay, its clients that are there, with the round trip to each.
        reaches: of a relay, those that it reaches by another relay: which, and the round trip.
        seen: where it sees the port for direct peers of others: ADDRESS:PORT by host.
        lines: its routes, by host.
    """

    host: str
    attached: dict[str, float] = field(default_factory=dict)
    reaches: dict[str, tuple[str, float]] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)


@register("overlay.show")
@dataclass(frozen=True, slots=True)
class Show:
    """Asks a host's overlay how it is; the answer is plain data.

    Attributes:
        what: ``status``, or ``lines`` of all hosts.
    """

    what: str = "status"


@dataclass(frozen=True, slots=True)
class Rotate:
    """Asks for another key of this host; the answer is whom that waits for."""


@dataclass(frozen=True, slots=True)
class TurnNow:
    """Time to turn to another key, of which the others have been told."""

    key: str


@dataclass(frozen=True, slots=True)
class Listen:
    """Time to look whether another host has turned to another key."""


@dataclass(frozen=True, slots=True)
class Moved:
    """This host's own addresses have changed, outside of the overlay."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time to look, probe and decide."""


def plain_line(line: Line) -> dict[str, Any]:
    """A line as the command line shows it."""
    return {
        "how": line.how,
        "relays": list(line.relays),
        "round_trip": line.trip,
        "loss": line.loss,
        "age": line.age,
    }
