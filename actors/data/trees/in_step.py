"""The journal's base and the index, in step with each other.

The base says what was synced, and the index what was seen; the journal is committed first. So a
crash may leave the index behind, without paths that the base has; what was deleted before the next
scan would not be missed there. The journal counts the changes of its base (`Journal.changes`), and
the index notes the number with each commit: where they differ, `catch_up` gives the index all paths
of the base that it lacks, as something to be read again. So is an index made that was lost.
"""

from __future__ import annotations

from typing import Final

from simulacra.actors.data.entries import ROOT, name, parent
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.rows import UNKNOWN, Row
from simulacra.actors.data.trees.journal import Journal

_FACT: Final = "base"


def commit(journal: Journal, index: Index) -> None:
    """Put both on the disk.

    Raises:
        sqlite3.Error, IndexUnusableError: the disk does not take it.
    """
    journal.commit()
    mark = list(journal.mark)
    if index.fact(_FACT) != mark:
        index.put_fact(_FACT, mark)
    index.commit()


def catch_up(journal: Journal, index: Index) -> None:
    """Have all paths of the base in the index; of a journal that begins anew, none.

    Raises:
        sqlite3.Error, IndexDamagedError, IndexUnusableError: the disk fails.
    """
    if index.fact(_FACT) == list(journal.mark):
        return
    if journal.importing and not index.is_empty():
        index.renew("the journal of this tree is another one now")
    for path, row in journal.base():
        if path != ROOT and index.row(path) is None:
            seen = Row(row.fingerprint or UNKNOWN, row.entry, settled=False)
            index.put(parent(path), {name(path): seen})
    index.put_fact(_FACT, list(journal.mark))
    index.commit()
