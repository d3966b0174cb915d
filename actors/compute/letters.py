"""What mail to computations is made of: letters, packets between hosts, events in, commands out.

A *party* writes and gets mail: a computation, or a node (for all that runs in it and does not
move). Its name is never used twice: whoever names parties adds what makes each birth different.
All of it is plain data, so that every codec can carry it; a body is whatever the codec packs.
"""

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["tell", "ask", "answer", "error"]


@dataclass(frozen=True, order=True)
class Place:
    """Where a party is, and since when; of two places of a party the greater is the newer.

    Attributes:
        epoch: grows with every move.
        life: grows with every start that had to go back to an older snapshot (after a crash),
            and is never used twice.
        host: the host's name.
    """

    epoch: int
    life: int
    host: str


@dataclass(frozen=True)
class Letter:
    """One piece of mail.

    Attributes:
        sender: the party that wrote it.
        to: the party that it is for.
        n: its number among all letters of this sender to this receiver, from 1.
        kind: a tell, an ask, or what answers an ask: an answer or an error.
        request: the ask's id, chosen by the asker and never used twice by it; empty in a tell.
        body: what it says.
    """

    sender: str
    to: str
    n: int
    kind: Kind
    request: str
    body: Any

    def to_plain(self) -> list[Any]:
        """The letter as a list for a snapshot."""
        return [self.sender, self.to, self.n, self.kind, self.request, self.body]


# Packets: what goes from host to host.


@dataclass(frozen=True)
class Parcel:
    """A letter under way.

    Attributes:
        letter: what is carried.
        home: where the sender was when it sent this copy; acknowledgements go there.
        bases: pairs of a life of the sender's and the first number that it gave anew in it.
    """

    letter: Letter
    home: Place
    bases: tuple[tuple[int, int], ...] = ()

    @property
    def to(self) -> str:
        """The party that the packet is for."""
        return self.letter.to


@dataclass(frozen=True)
class Ack:
    """What a receiver has of a sender's letters.

    Attributes:
        name: the receiver, which writes this.
        to: the sender of the letters.
        received: all up to this number have arrived: they need not be sent again to this life.
        settled: all up to this number outlive a crash of the receiver: they may be forgotten.
        life: the sender's life that the numbers belong to.
        home: where the receiver is.
        resend: the receiver has just come here; what it has not received is to be sent at once.
    """

    name: str
    to: str
    received: int
    settled: int
    life: int
    home: Place
    resend: bool = False


@dataclass(frozen=True)
class Moved:
    """A stub's news for `to`: the party `name` is at `place` now."""

    name: str
    to: str
    place: Place


@dataclass(frozen=True)
class Gone:
    """The party `name` has ended; of the letters of `to` it had received all up to `received`."""

    name: str
    to: str
    received: int
    reason: Any


@dataclass(frozen=True)
class Unknown:
    """The host knows nothing of the party `name`: `to` had better ask the directory."""

    name: str
    to: str


Packet = Parcel | Ack | Moved | Gone | Unknown


# Events: what an endpoint is told.


@dataclass(frozen=True)
class Tell:
    """The party writes to another."""

    to: str
    body: Any


@dataclass(frozen=True)
class Ask:
    """The party asks another; `timeout` in seconds, None for ever."""

    to: str
    body: Any
    request: str
    timeout: float | None = 5.0


@dataclass(frozen=True)
class Reply:
    """The party answers an ask that was delivered to it; `failed` makes the body an error."""

    to: str
    request: str
    body: Any
    failed: bool = False


@dataclass(frozen=True)
class Arrived:
    """A packet for the party came in."""

    packet: Packet


@dataclass(frozen=True)
class Located:
    """The directory's answer to `Locate`."""

    name: str
    place: Place


@dataclass(frozen=True)
class NotFound:
    """The directory knows no such party: it has ended, or never was."""

    name: str


@dataclass(frozen=True)
class Consumed:
    """The party has taken all deliveries up to `serial` from its queue."""

    serial: int


@dataclass(frozen=True)
class Saved:
    """The snapshot with this mark is on disk, whole."""

    mark: int


@dataclass(frozen=True)
class Freeze:
    """The party stopped at a safe point: nothing may change until `Thaw`."""


@dataclass(frozen=True)
class Thaw:
    """The party goes on, at this place."""

    place: Place


@dataclass(frozen=True)
class End:
    """The party has ended, with a reason in plain data."""

    reason: Any


@dataclass(frozen=True)
class Tick:
    """The deadline that a machine gave has come."""


Event = (
    Tell
    | Ask
    | Reply
    | Arrived
    | Located
    | NotFound
    | Consumed
    | Saved
    | Freeze
    | Thaw
    | End
    | Tick
)


# Commands: what an endpoint wants done.


@dataclass(frozen=True)
class Send:
    """Send a packet to a host; it may be lost."""

    host: str
    packet: Packet


@dataclass(frozen=True)
class Locate:
    """Ask the directory where a party is; the answer is `Located` or `NotFound`, or none."""

    name: str


@dataclass(frozen=True)
class Deliver:
    """Hand a tell or an ask to the party; it says `Consumed(serial)` when it has taken it."""

    serial: int
    letter: Letter


@dataclass(frozen=True)
class Answered:
    """The party's ask was answered; `failed` says that the body is an error.

    Of a party that ended without an answer the body is the reason, a text.
    """

    request: str
    body: Any
    failed: bool = False


@dataclass(frozen=True)
class Failed:
    """The party's ask will have no answer."""

    request: str
    reason: Any


@dataclass(frozen=True)
class Undelivered:
    """The party that the letter was for has ended before it came."""

    letter: Letter
    reason: Any


@dataclass(frozen=True)
class CheckpointDue:
    """Much mail waits to be settled: take a snapshot at the next safe point and save it."""


Command = Send | Locate | Deliver | Answered | Failed | Undelivered | CheckpointDue
