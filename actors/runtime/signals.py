"""What passes between actors beside mail: signals, and the messages that some of them become.

A signal is handled when it arrives, by whoever brings it, and never waits behind mail. Two become
messages: a trapped exit becomes `Exit`, the end of a watched actor becomes `Down`; as messages they
keep their place behind the mail that the same sender sent before, and no bound drops them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulacra.actors.runtime.reason import NORMAL, ExitReason

if TYPE_CHECKING:
    from simulacra.actors.runtime.futures import Reply
    from simulacra.actors.runtime.refs import Ref


@dataclass(frozen=True, slots=True)
class Exit:
    """The message that an actor with ``trap_exit`` gets when one it is linked to ends."""

    sender: Ref
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Down:
    """The one message that a monitor brings: the watched actor has ended, or its node is lost.

    Attributes:
        monitor: the number that `Actor.monitor` returned.
        actor: the actor that was watched.
        reason: why it ended; ``noproc`` if it was not there, ``noconnection`` if its node is lost.
    """

    monitor: int
    actor: Ref
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Link:
    """``sender`` asks to be linked both ways."""

    sender: Ref


@dataclass(frozen=True, slots=True)
class Unlink:
    """``sender`` ends its link."""

    sender: Ref


@dataclass(frozen=True, slots=True)
class Monitor:
    """``watcher`` wants one `DownSignal` with this number when the receiver ends."""

    monitor: int
    watcher: Ref


@dataclass(frozen=True, slots=True)
class Demonitor:
    """``watcher`` no longer wants to hear."""

    monitor: int
    watcher: Ref


@dataclass(frozen=True, slots=True)
class ExitSignal:
    """``sender`` ended (``linked``), or asks the receiver to end, with a reason."""

    sender: Ref
    reason: ExitReason
    linked: bool = True


@dataclass(frozen=True, slots=True)
class DownSignal:
    """The watched ``actor`` ended."""

    monitor: int
    actor: Ref
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Stop:
    """End in good order, as soon as the message in hand is done.

    ``stopped`` is answered when the actor has ended: with its reason, or None if it was dead
    before.
    """

    reason: ExitReason = NORMAL
    stopped: Reply | None = None


@dataclass(frozen=True, slots=True)
class Kill:
    """End at once, without a word to the actor's code."""


@dataclass(frozen=True, slots=True)
class Suspend:
    """Handle no mail until resumed."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Handle mail again."""


Signal = (
    Link | Unlink | Monitor | Demonitor | ExitSignal | DownSignal | Stop | Kill | Suspend | Resume
)

URGENT: tuple[type, ...] = (Stop, Kill, Suspend, Resume)
"""Signals that travel in the control lane between nodes: they overtake mail."""
