"""What happens to the membership of a host, and what it commands; packets are in packets.py."""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.actors.cluster.members import State
from simulacra.actors.cluster.packets import Packet
from simulacra.actors.cluster.view import Notice


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A packet came."""

    packet: Packet


@dataclass(frozen=True, slots=True)
class Met:
    """The transport is connected to a host."""

    host: str
    key: str
    address: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The transport lost its connection to a host: perhaps the host is lost, perhaps not."""

    host: str


@dataclass(frozen=True, slots=True)
class Declare:
    """This host goes to sleep, parts, leaves, or is up again."""

    state: State


@dataclass(frozen=True, slots=True)
class Watch:
    """Probe these hosts as well, from now on; they take the place of those watched before."""

    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WriteOff:
    """A host will not come back: it counts as left."""

    host: str


@dataclass(frozen=True, slots=True)
class Review:
    """Others are admitted than before."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a packet to a host, at most once, and let it be lost rather than late."""

    host: str
    packet: Packet


@dataclass(frozen=True, slots=True)
class Near:
    """The hosts that this one probes, is probed by, and tells news are these from now on."""

    hosts: frozenset[str]


Event = Tick | Arrived | Met | Lost | Declare | Watch | WriteOff | Review
Command = Send | Near | Notice
