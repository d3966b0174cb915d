"""What directories tell one another, and what is told to one; see `directory`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulacra.actors.runtime.wire_types import register


@register("directory.compare")
@dataclass(frozen=True, slots=True)
class Compare:
    """Is this your digest too? From the host that it names, as all of these are."""

    host: str
    digest: list[int]


@register("directory.vector")
@dataclass(frozen=True, slots=True)
class Vector:
    """All that a host has in some buckets of its vector."""

    host: str
    buckets: list[int]
    marks: list[Any]


@register("directory.lacking")
@dataclass(frozen=True, slots=True)
class Lacking:
    """Where a host is in some logs; what comes after that is asked for."""

    host: str
    marks: list[Any]


@register("directory.facts")
@dataclass(frozen=True, slots=True)
class Facts:
    """Parts of logs.

    Attributes:
        host: who passes them on.
        parts: as `Part.to_plain` gives them.
        fresh: whether they were said just now.
        more: whether there is more for who compares again.
    """

    host: str
    parts: list[Any]
    fresh: bool
    more: bool = False


@dataclass(frozen=True, slots=True)
class Connected:
    """A host has been connected."""

    host: str


@dataclass(frozen=True, slots=True)
class Status:
    """Answered with a `DirectoryStatus`."""


@dataclass(frozen=True, slots=True)
class DirectoryStatus:
    """How the directory of this host is.

    Attributes:
        origins: how many logs it has.
        facts: how many facts count.
        digest: the same where two hosts hold the same.
        saved: whether all is on the disk.
        reproaches: how often each host passed on, or said, what was not to be taken.
        ahead: hosts whose clocks are over a minute ahead of this one's.
    """

    origins: int
    facts: int
    digest: str
    saved: bool
    reproaches: dict[str, int]
    ahead: list[str]
