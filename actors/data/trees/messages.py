"""What the actors of one tree on different hosts tell and ask one another.

``News`` is told: a journal has changed, or a host was met. Everything else is asked by whoever
follows: ``Changes`` for records, ``Manifests`` and ``Pack`` for bytes, which go as bulk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulacra.actors.runtime.bulk import Ticket
from simulacra.actors.runtime.wire_types import register


@register("tree.news")
@dataclass(frozen=True, slots=True)
class News:
    """How far a replica is.

    Attributes:
        host: whose.
        incarnation: which of its databases.
        last: the number of its journal's latest change.
        vector: all that it has heard of, as `packing.pack_context` has it.
        acknowledged: what it knows to be acknowledged, as `agreement` has it.
    """

    host: str
    incarnation: int
    last: int
    vector: list[Any]
    acknowledged: list[Any] = field(default_factory=list)


@register("tree.changes")
@dataclass(frozen=True, slots=True)
class Changes:
    """What was changed after a number? Answered with `Changed`.

    Attributes:
        incarnation: of the journal that the number is of; of another all is told.
        after: the number.
    """

    incarnation: int
    after: int


@register("tree.changed")
@dataclass(frozen=True, slots=True)
class Changed:
    """Records in the order of a journal, several thousand at most.

    Attributes:
        incarnation: of the journal.
        records: packed.
        n: up to which number they are all.
        vector: all that the replica has heard of, if nothing comes after; else None.
    """

    incarnation: int
    records: list[bytes]
    n: int
    vector: list[Any] | None


@register("tree.manifests")
@dataclass(frozen=True, slots=True)
class Manifests:
    """The manifests of large files? Answered with a list, None for those that are not known."""

    digests: list[bytes]


@register("tree.pack")
@dataclass(frozen=True, slots=True)
class Pack:
    """Pieces of contents, (digest, offset, length) each; answered with `Packed`."""

    pieces: list[Any]


@register("tree.packed")
@dataclass(frozen=True, slots=True)
class Packed:
    """Pieces one after the other.

    Attributes:
        ticket: what to fetch; None where there is none of them.
        lengths: of each piece; -1 for one that is not here.
    """

    ticket: Ticket | None
    lengths: list[int]
