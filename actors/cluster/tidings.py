"""What the focus machine is told and what it tells: messages, events, commands.

Messages go from the focus of one host to that of another and may be lost, late, doubled or out of
order. Commands are done in the order given, and a `Save` is on the disk before the next is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulacra.actors.cluster.election import Standing
from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.journal import Base, Entry, Position

# -- messages


@dataclass(frozen=True, slots=True)
class Beat:
    """The master of an epoch lives.

    Attributes:
        epoch: its epoch.
        number: of this beat, echoed in `Heard`.
        successors: the hosts that get every beat and copies of the journal, the first in line
            first.
    """

    epoch: Epoch
    number: int
    successors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """The answer to a master: what is on this host's disk; or that there is a higher epoch.

    Attributes:
        epoch: the highest that the host has seen.
        number: of the last beat that it heard in that epoch, 0 for none.
        position: where its journal ends.
        context: what its records cover.
        standing: what it says of itself as a candidate.
    """

    epoch: Epoch
    number: int
    position: Position
    context: dict[str, int]
    standing: Standing


@dataclass(frozen=True, slots=True)
class Append:
    """Entries for a follower, after the position where its journal ends."""

    epoch: Epoch
    after: Position
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Install:
    """A whole journal for a follower whose own end is not in the master's."""

    epoch: Epoch
    base: Base


@dataclass(frozen=True, slots=True)
class Ship:
    """The master wants the records of a host, to merge them."""

    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Shipment:
    """The records that were wanted."""

    epoch: Epoch
    base: Base


@dataclass(frozen=True, slots=True)
class Canvass:
    """Somebody does not hear the master of an epoch: who does, and who could be the next?"""

    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Ballot:
    """The answer to a canvass.

    Attributes:
        epoch: the highest that the host has seen.
        hears: True, False; None if it is not told often enough to say.
        position: where its journal ends.
        context: what its records cover.
        standing: what it says of itself.
    """

    epoch: Epoch
    hears: bool | None
    position: Position
    context: dict[str, int]
    standing: Standing


@dataclass(frozen=True, slots=True)
class Nominate:
    """The master of an epoch is lost and you are the first in line: see for yourself, and act."""

    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Grant:
    """The focus is handed over: the entry that says so, to follow on what the target has."""

    epoch: Epoch
    after: Position
    entry: Entry


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to the master.

    Attributes:
        request: its id; a retry has the same.
        kind: what is wanted.
        body: plain data.
        epoch: of the master that it is meant for, as far as the client knows.
    """

    request: str
    kind: str
    body: dict[str, Any]
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Answer:
    """The master's answer.

    Attributes:
        request: the id.
        granted: whether it was done.
        value: the answer, or the text of the refusal.
        copies: on how many disks it is: 1 means that it is lost if that host is.
        epoch: the master's.
    """

    request: str
    granted: bool
    value: Any
    copies: int
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Redirect:
    """Not here: the highest epoch known says where."""

    request: str
    epoch: Epoch


Message = (
    Beat | Heard | Append | Install | Ship | Shipment | Canvass | Ballot | Nominate | Grant
    | Ask | Answer | Redirect
)  # fmt: skip

MESSAGES: dict[str, type] = {
    cls.__name__.lower(): cls
    for cls in (
        Beat, Heard, Append, Install, Ship, Shipment, Canvass, Ballot, Nominate, Grant,
        Ask, Answer, Redirect,
    )
}  # fmt: skip
"""All messages, by the name that they travel under."""

# -- events


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message has come."""

    sender: str
    message: Message


@dataclass(frozen=True, slots=True)
class MemberUp:
    """Membership reaches a host."""

    host: str


@dataclass(frozen=True, slots=True)
class MemberDown:
    """Membership has lost a host."""

    host: str


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody on this host wants something of the master, wherever it is.

    Attributes:
        request: an id that no other request has ever had.
        kind: one of `entry_kinds.KINDS`, or ``focus`` to hand the focus over.
        body: plain data.
        patience: seconds until it is given up.
    """

    request: str
    kind: str
    body: dict[str, Any]
    patience: float


@dataclass(frozen=True, slots=True)
class Admit:
    """An order of an epoch has come to this host: may it take effect?"""

    epoch: Epoch
    token: Any = None


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come."""


Event = Arrived | MemberUp | MemberDown | Request | Admit | Tick

# -- commands


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message to the focus of another host."""

    host: str
    message: Message


@dataclass(frozen=True, slots=True)
class Save:
    """Put on the disk, all or nothing, before anything after this is done.

    Attributes:
        epoch: the highest seen, if it is new.
        base: a whole journal in place of what is there.
        entries: to append.
    """

    epoch: Epoch | None = None
    base: Base | None = None
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """A request of this host has its answer: once each."""

    request: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class GaveUp:
    """A request of this host has no answer; it may have been done or not. Once each."""

    request: str
    why: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whether an order may take effect."""

    token: Any
    allowed: bool
    highest: Epoch


@dataclass(frozen=True, slots=True)
class StartMaster:
    """This host acts as master from now on, in an epoch."""

    epoch: Epoch
    why: str


@dataclass(frozen=True, slots=True)
class StopMaster:
    """This host acts as master no more, or not until it has heard from another."""

    why: str


@dataclass(frozen=True, slots=True)
class MasterChanged:
    """The highest epoch seen is another."""

    epoch: Epoch
    why: str = ""


Command = Send | Save | Answered | GaveUp | Admitted | StartMaster | StopMaster | MasterChanged
