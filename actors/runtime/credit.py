"""Flow control between two nodes: how much mail may be under way, in messages and bytes.

The receiver allows a *window*. The sender takes from it what it sends and waits when nothing is
left; the receiver gives back what it has handed over, in grants of half a window, so that grants
are few. Whoever has anything left may send, so the bytes under way exceed the window by at most one
message; asking for room for the whole of it could wait for ever, for a grant that is not yet due.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_MESSAGES: Final = 16_384
DEFAULT_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Window:
    """How much may be under way from one node to another."""

    messages: int = DEFAULT_MESSAGES
    size: int = DEFAULT_BYTES


@dataclass(slots=True)
class SenderCredit:
    """The sender's side: what is under way."""

    window: Window
    messages: int = 0
    size: int = 0

    def take(self, size: int) -> bool:
        """Take one message of ``size`` bytes from the window; False if it must wait."""
        if self.messages >= self.window.messages or self.size >= self.window.size:
            return False
        self.messages += 1
        self.size += size
        return True

    def grant(self, messages: int, size: int) -> bool:
        """Take a grant back; False when it is more than was under way: the peer is wrong."""
        if messages > self.messages or size > self.size:
            return False
        self.messages -= messages
        self.size -= size
        return True


@dataclass(slots=True)
class ReceiverCredit:
    """The receiver's side: what was handed over and is not yet granted again."""

    window: Window
    messages: int = 0
    size: int = 0

    def handed_over(self, messages: int, size: int) -> tuple[int, int] | None:
        """Count mail as handed over; the grant to send now, if it is time for one."""
        self.messages += messages
        self.size += size
        if 2 * self.messages < self.window.messages and 2 * self.size < self.window.size:
            return None
        grant = self.messages, self.size
        self.messages = self.size = 0
        return grant
