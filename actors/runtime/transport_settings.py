"""What a transport can be set to: how patient it is, how much it takes, how many it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulacra.actors.runtime.credit import Window
from simulacra.actors.runtime.frames import WIRE_VERSION
from simulacra.actors.runtime.peer import ActorId
from simulacra.actors.runtime.session import Timing


@dataclass(frozen=True, slots=True)
class Settings:
    """How a transport behaves.

    Attributes:
        software: this node's version of Simulacra.
        timing: heartbeats and patience.
        window: how much mail each peer may have under way to this node.
        send_timeout: seconds that a sender waits for a peer that takes no more.
        wire_version: what this node speaks.
        most: how many connections it keeps, used or not.
        idle: seconds without use after which it rests from more than these.
        background: the actors whose mail is no use of a connection.
    """

    software: str = ""
    timing: Timing = field(default_factory=Timing)
    window: Window = field(default_factory=Window)
    send_timeout: float = 5.0
    wire_version: int = WIRE_VERSION
    most: int = 64
    idle: float = 300.0
    background: frozenset[ActorId] = frozenset()
