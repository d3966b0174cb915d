"""How nodes come to know each other: whoever is met tells whom it knows.

When a peer connects, this node asks it whom it knows, and dials those whose keys it admits itself.
So it is enough to join a network at one host; nobody is let in by an introduction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors.runtime import Actor
from simulacra.actors.runtime.wire_types import register

INTRODUCTIONS: Final = "introductions"


@register("introductions.who")
@dataclass(frozen=True, slots=True)
class WhoDoYouKnow:
    """Answered with a list of (endpoint, key) of connected peers."""


@dataclass(frozen=True, slots=True)
class Met:
    """A peer has connected."""

    node: str


class Introductions(Actor):
    """See the module.

    Args:
        known: the endpoints and keys of the connected peers.
        dial: makes a node a peer, if it is admitted and not yet known.
    """

    def __init__(
        self,
        known: Callable[[], list[tuple[str, str]]],
        dial: Callable[[str, str], None],
    ) -> None:
        self._known = known
        self._dial = dial

    def on_receive(self, message: Any) -> Any:
        """Answer who is known, or ask a new peer."""
        match message:
            case WhoDoYouKnow():
                return self._known()
            case Met(node):
                answer = self.system.ref(f"{INTRODUCTIONS}@{node}").ask(WhoDoYouKnow(), block=False)
                answer.on_answer(lambda reply: self._introduce(reply.outcome()))
            case _:
                self.refuse(message)
        return None

    def _introduce(self, outcome: tuple[Any, BaseException | None]) -> None:
        known, error = outcome
        if error is None:
            for endpoint, key in known:
                self._dial(endpoint, key)
