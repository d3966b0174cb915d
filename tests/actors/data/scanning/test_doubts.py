"""What a scan doubts, kept in the index."""

from __future__ import annotations

from simulacra.actors.data.entries import (
    FOLDER,
    ROOT,
)
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.index_database import (
    BATCH,
)
from tests.actors.data.scanning.rows import row


def test_doubts_are_paged_and_counted(index: Index) -> None:
    index.put(ROOT, {b"a": row(1, FOLDER), b"b": row()})
    index.put(b"a", {b"%d" % number: row() for number in range(BATCH + 5)})
    index.put(b"a0", {b"x": row()})
    index.doubts.keep(ROOT, {b"a": False, b"b": True})
    assert index.doubts.count() == BATCH + 6
    index.doubts.keep(b"a", {b"%d" % number: False for number in range(BATCH)})
    first = index.doubts.after(None)
    rest = index.doubts.after(first[-1][:2])
    assert (len(first), len(rest)) == (BATCH, 2)
    assert first[:2] == [(ROOT, b"a", False), (ROOT, b"b", True)]
    index.doubts.forget()
    assert index.doubts.after(None) == []
