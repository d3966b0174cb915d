"""Bulk bytes between nodes, on connections of their own: mail is never stuck behind a file.

A node *offers* an open file, or parts of one (`bulk_server`), and gets a `Ticket`, which it sends
to another node as mail. Whoever holds the ticket *fetches* (`bulk_client`): it dials the offering
node's bulk port and asks for pieces, a few at a time, each answered on its own. The lines prove
both nodes' keys and are encrypted (`bulk_line`). At each question the key must still be admitted,
and a ticket's id cannot be guessed.

Questions are ``id offset length`` with 16, 8 and 4 bytes; answers ``D offset bytes``, where the
offset has 8 bytes, or ``G text`` where the file is offered no more. Numbers are unsigned,
big-endian.

A node may also offer to *talk*: who has the ticket sends its id alone, and from then on the line is
the offering node's taker's, for frames of its own, until that returns.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from simulacra.actors.runtime.noise import Data
from simulacra.actors.runtime.wire_types import register

PIECE: Final = 1 << 20
"""Bytes that one answer has at most."""
STALL: Final = 10.0
"""Seconds without a piece after which a line counts as silent."""
LINE_IDLE: Final = 60.0
"""Seconds after which a line without a question is closed."""

QUESTION: Final = struct.Struct(">16sQI")
ANSWER: Final = struct.Struct(">cQ")
TICKET_SIZE: Final = 16
DATA: Final = b"D"
GONE: Final = b"G"


class BulkError(Exception):
    """The bytes could not be fetched."""


@register("bulk.ticket")
@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to fetch one offered file.

    Attributes:
        node: who offers it.
        port: the offering node's bulk port.
        id: 16 random bytes.
        size: how many bytes there are.
    """

    node: str
    port: int
    id: bytes
    size: int


def opened(ticket: Ticket, answer: Data) -> tuple[int, memoryview]:
    """The offset and the bytes of an answer.

    Raises:
        BulkError: it says why there are none.
    """
    if answer[:1] != DATA or len(answer) < ANSWER.size:
        raise BulkError(f"{ticket.node}: {bytes(answer[1:]).decode(errors='replace')}")
    return ANSWER.unpack_from(answer)[1], memoryview(answer)[ANSWER.size :]
