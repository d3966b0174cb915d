"""Rows of an index, as tests put them."""

from __future__ import annotations

from simulacra.actors.data.entries import Attributes, Content, Entry, Fingerprint, Kind
from simulacra.actors.data.scanning.rows import Row

FILE = Content(Kind.FILE, 3, b"d" * 32)
LARGE = 2**64 - 1


def row(inode: int = 1, content: Content = FILE, *, settled: bool = True) -> Row:
    attributes = Attributes(0o644, -5, ((b"user.\xff", b"\0"),))
    return Row(Fingerprint(LARGE, inode, 3, -5, 2**63 - 1), Entry(content, attributes), settled)
