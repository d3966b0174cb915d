"""What hosts say and do when a computation moves (the rules are in `moving`).

Messages go between hosts and may be lost, doubled or late; each names the computation and the
epoch of the attempt that it belongs to. All of it is plain data. (What is written down: `records`.)
"""

from dataclasses import dataclass
from typing import Any

from simulacra.actors.compute.records import Record


@dataclass(frozen=True)
class Software:
    """What a host runs computations with.

    Attributes:
        python: Python's minor version, as in ``"3.11"``.
        machine: the architecture, as in ``"x86_64"``.
    """

    python: str
    machine: str


# Messages from the source


@dataclass(frozen=True)
class Offer:
    """Will you take it? `plain` is None as long as nobody knows; `size` in bytes, as last seen."""

    name: str
    epoch: int
    software: Software
    plain: bool | None
    size: int


@dataclass(frozen=True)
class Install:
    """Fetch this snapshot and keep it, without running it."""

    name: str
    epoch: int
    snapshot: Any


@dataclass(frozen=True)
class Activate:
    """It is yours: run it."""

    name: str
    epoch: int


@dataclass(frozen=True)
class Discard:
    """It will never be yours in this epoch: forget it."""

    name: str
    epoch: int


# Messages from the target


@dataclass(frozen=True)
class Accepted:
    """The offer is welcome."""

    name: str
    epoch: int
    software: Software


@dataclass(frozen=True)
class Refused:
    """The offer is declined, or the snapshot could not be kept."""

    name: str
    epoch: int
    reason: str


@dataclass(frozen=True)
class Installed:
    """The snapshot is on disk here."""

    name: str
    epoch: int


@dataclass(frozen=True)
class Activated:
    """It runs here; you may forget the snapshot."""

    name: str
    epoch: int


@dataclass(frozen=True)
class InDoubt:
    """I keep a snapshot of this epoch and was told nothing: shall I run it or forget it?"""

    name: str
    epoch: int


Message = (
    Offer | Install | Activate | Discard | Accepted | Refused | Installed | Activated | InDoubt
)


# Events


@dataclass(frozen=True)
class Boot:
    """The host has read its records and begins."""


@dataclass(frozen=True)
class Depart:
    """Move the computation to `target`; `plain` and `size` as its last snapshot had them."""

    target: str
    plain: bool | None = None
    size: int = 0


@dataclass(frozen=True)
class Heard:
    """A message came from a host."""

    host: str
    message: Message


@dataclass(frozen=True)
class Written:
    """The record is on disk."""

    record: Record


@dataclass(frozen=True)
class WriteFailed:
    """The record is not on disk and never will be."""

    record: Record
    reason: str


@dataclass(frozen=True)
class Frozen:
    """It stopped at a safe point; `snapshot` says where what travels can be fetched from."""

    snapshot: Any
    plain: bool
    size: int


@dataclass(frozen=True)
class FreezeFailed:
    """It cannot be frozen, and goes on; the reason names what cannot move."""

    reason: str


@dataclass(frozen=True)
class Ended:
    """The computation ended by itself before it was frozen."""


@dataclass(frozen=True)
class HostLost:
    """The connection to a host is lost; what was said to it last may not have come."""

    host: str


@dataclass(frozen=True)
class HostMet:
    """A host is connected, perhaps again."""

    host: str


@dataclass(frozen=True)
class Began:
    """The computation was started here, in this epoch: it may depart."""

    epoch: int


@dataclass(frozen=True)
class Fetched:
    """The snapshot of an epoch is whole on this host's disk, at `snapshot`."""

    epoch: int
    snapshot: Any


@dataclass(frozen=True)
class FetchFailed:
    """The snapshot of an epoch could not be fetched or kept."""

    epoch: int
    reason: str


# Commands


@dataclass(frozen=True)
class Tell:
    """Send a message to a host; it may be lost."""

    host: str
    message: Message


@dataclass(frozen=True)
class Write:
    """Put a record on disk, then say `Written`, or `WriteFailed`."""

    record: Record


@dataclass(frozen=True)
class Freeze:
    """Stop it at its next safe point, then say `Frozen`, or `FreezeFailed`."""


@dataclass(frozen=True)
class Resume:
    """Let it go on here, or ask it no more to stop."""


@dataclass(frozen=True)
class Run:
    """Start it here in this epoch: from its newest checkpoint of this epoch, or from `snapshot`."""

    epoch: int
    snapshot: Any = None


@dataclass(frozen=True)
class LeaveStub:
    """End what is left of it here, and forward its mail to `target`, where it has this epoch."""

    target: str
    epoch: int


@dataclass(frozen=True)
class Expect:
    """It may come soon, for it was accepted: get ready to run it."""


@dataclass(frozen=True)
class ExpectNoMore:
    """It does not come after all."""


@dataclass(frozen=True)
class Fetch:
    """Get the snapshot from the source onto the disk, then say `Fetched`, or `FetchFailed`."""

    source: str
    epoch: int
    snapshot: Any


@dataclass(frozen=True)
class Forget:
    """Delete what was fetched for this epoch; stop fetching it."""

    epoch: int


@dataclass(frozen=True)
class MoveDone:
    """The target runs it."""

    target: str
    epoch: int


@dataclass(frozen=True)
class MoveFailed:
    """The move came to nothing; the computation is where it was."""

    target: str
    reason: str


Command = (
    Tell
    | Write
    | Freeze
    | Resume
    | Run
    | LeaveStub
    | Expect
    | ExpectNoMore
    | Fetch
    | Forget
    | MoveDone
    | MoveFailed
)
