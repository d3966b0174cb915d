"""The messages that a node's post office understands, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors.compute.letters import Place
from simulacra.actors.runtime import Ref
from simulacra.actors.runtime.wire_types import register

POST: Final = "post"
"""The name under which every node's post office is registered."""


@register("post.find")
@dataclass(frozen=True, slots=True)
class Find:
    """Ask a post office: do you know this party, or who is called ``name`` or ``name@host``?"""

    party: str | None = None
    name: str | None = None


@register("post.found")
@dataclass(frozen=True, slots=True)
class Found:
    """A post office's answer: the party and where it is."""

    party: str
    place: Place


@dataclass(frozen=True, slots=True)
class Enter:
    """A computation begins to live here under a name; its packets go to ``ref``."""

    party: str
    name: str
    place: Place
    ref: Ref


@dataclass(frozen=True, slots=True)
class Leave:
    """A computation went to ``place``; until it is ``settled`` there, its name is known here."""

    party: str
    place: Place
    settled: bool


@dataclass(frozen=True, slots=True)
class Forget:
    """Nothing of a computation is kept here any more; others know where it is."""

    party: str


@dataclass(frozen=True, slots=True)
class FindFor:
    """A computation here wants to know where a party is: tell it `Located` or `NotFound`."""

    party: str
    ref: Ref


@dataclass(frozen=True, slots=True)
class Resolve:
    """Which party has this name in the network? Answered with `Resolved`."""

    name: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """Who has a name; while it is not ``certain``, somebody out of reach may have it."""

    name: str
    found: Found | None
    certain: bool


@dataclass(frozen=True, slots=True)
class Complete:
    """All that lives here has entered: who did not is not here."""


class IncompleteError(Exception):
    """The node has just started, and cannot say yet who lives here."""


@dataclass(frozen=True, slots=True)
class Mail:
    """Write to a computation by its name; an ``ask`` brings back what it answers."""

    to: str
    body: Any
    ask: bool = False
    timeout: float | None = 5.0
