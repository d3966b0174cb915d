"""What the membership of one host says to that of another. Any of it may be lost, late or doubled.

Every packet names its sender and the sender's incarnation; so whoever holds something else of the
sender notices, and says so by a `Verdict`. ``news`` is a list of `News.tell`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, get_args

from simulacra.actors.runtime.wire_types import register

Told = list[list[Any]]


@register("swim.ping")
@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there? ``digest`` is of the sender's table; ``n`` comes back in the `Ack`."""

    sender: str
    incarnation: int
    n: int
    digest: int
    news: Told


@register("swim.ack")
@dataclass(frozen=True, slots=True)
class Ack:
    """Yes, to the `Ping` with that number."""

    sender: str
    incarnation: int
    n: int
    news: Told


@register("swim.ask")
@dataclass(frozen=True, slots=True)
class Ask:
    """Ping ``target``, who does not answer me; say how it went, by a `Tried` with this number."""

    sender: str
    incarnation: int
    n: int
    target: str


@register("swim.tried")
@dataclass(frozen=True, slots=True)
class Tried:
    """Whether the target answered. That this comes at all shows the asker that it is heard."""

    sender: str
    incarnation: int
    n: int
    answered: bool


@register("swim.gossip")
@dataclass(frozen=True, slots=True)
class Gossip:
    """News that does not wait for the next ping."""

    sender: str
    incarnation: int
    news: Told


@register("swim.verdict")
@dataclass(frozen=True, slots=True)
class Verdict:
    """What the sender holds of the receiver, or None: contradict it if it is wrong."""

    sender: str
    incarnation: int
    held: list[Any] | None


@register("swim.compare")
@dataclass(frozen=True, slots=True)
class Compare:
    """The digests of the sender's table, by bucket: send what you have where yours differ."""

    sender: str
    incarnation: int
    digests: list[int]


@register("swim.page")
@dataclass(frozen=True, slots=True)
class Page:
    """Records of the table; ``wanted`` are the buckets whose records the sender wants in return."""

    sender: str
    incarnation: int
    news: Told
    wanted: list[int]


Packet = Ping | Ack | Ask | Tried | Gossip | Verdict | Compare | Page

_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "Told": (list,),
    "list[int]": (list,),
    "list[Any] | None": (list, type(None)),
}
_ITEMS: Final[dict[str, type]] = {"Told": list, "list[int]": int}
_KINDS: Final[tuple[Any, ...]] = get_args(Packet)
_FIELDS: Final = {
    kind: [(each.name, _TYPES[str(each.type)], _ITEMS.get(str(each.type))) for each in fields(kind)]
    for kind in _KINDS
}


def is_sound(packet: Packet) -> bool:
    """Whether all fields of a packet that arrived are of the types that are said here."""
    return all(
        isinstance(getattr(packet, name), types) and _are(item, getattr(packet, name))
        for name, types, item in _FIELDS[type(packet)]
    )


def _are(item: type | None, values: Any) -> bool:
    return item is None or all(isinstance(each, item) for each in values)
