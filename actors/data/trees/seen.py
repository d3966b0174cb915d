"""What was last seen at the paths of a tree: what an action expects there.

That is what the index has, and what was done since. A file that was modified so shortly before it
was read that a later change could bear the same time is read again first, a tick of the file
system's clock later.
"""

from __future__ import annotations

from collections.abc import Callable

from simulacra.actors.data.applying.applier import Applied
from simulacra.actors.data.applying.refusals import Reason, RefusedError
from simulacra.actors.data.entries import Entry, Fingerprint, Path, name, parent, without
from simulacra.actors.data.reconciling.actions import Action, Move, Note, Remove
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.looking import NotReadError, file_time, tick
from simulacra.actors.data.scanning.rows import Row


class Seen:
    """See the module; used by one thread.

    Args:
        index: what was seen on the disk.
        look: reads what is at a path now.
        modes: whether the disk keeps permission bits.
    """

    def __init__(self, index: Index, look: Callable[[Path], Row], *, modes: bool) -> None:
        self._index = index
        self._look = look
        self._modes = modes
        self._new: dict[Path, dict[bytes, Row]] = {}

    def expected(self, path: Path, entry: Entry) -> Fingerprint:
        """The fingerprint of what is expected at a path, if that is what was seen there.

        Raises:
            RefusedError: it is something else, or may be by now.
        """
        return self.row(path, entry).fingerprint

    def row(self, path: Path, entry: Entry) -> Row:
        """As `expected`, all that was seen."""
        row = self._row_at(path)
        if row is None or not self._is_same(row.entry, entry):
            raise RefusedError(Reason.CHANGED, path, "it is to be looked at again")
        if not (row.settled or row.is_folder):  # of a folder its times say nothing
            self._reread(path, row)
        return row

    def read(self, path: Path) -> Row:
        """What is at a path now.

        Raises:
            RefusedError: it cannot be read.
        """
        try:
            return self._look(path)
        except (NotReadError, OSError) as error:
            raise RefusedError(Reason.CHANGED, path, f"it cannot be read again: {error}") from error

    def note(self, action: Action, applied: Applied) -> None:
        """What is there now is to be told to the index, so that the next scan need not read it."""
        path = action.path
        if isinstance(action, Remove):
            self.tell()
            self._index.remove(parent(path), [name(path)])
        elif isinstance(action, Move):
            self.tell()
            self._index.move(action.source, path)
            row = self._index.row(path)
            if row is not None and applied.fingerprint is not None:
                moved = Row(applied.fingerprint, row.entry, settled=row.settled)
                self._index.put(parent(path), {name(path): moved})
        elif applied.fingerprint is not None and not isinstance(action, Note):
            fingerprint = applied.fingerprint
            settled = file_time() - fingerprint.mtime_ns >= tick(fingerprint.ctime_ns)
            row = Row(fingerprint, without(action.row.entry, applied.lacking), settled=settled)
            self._new.setdefault(parent(path), {})[name(path)] = row

    def tell(self) -> None:
        """Tell the index, which is not committed by that."""
        seen, self._new = self._new, {}
        for folder, rows in seen.items():
            self._index.put(folder, rows)

    def _row_at(self, path: Path) -> Row | None:
        """What was seen at a path."""
        row = self._new.get(parent(path), {}).get(name(path))
        return self._index.row(path) if row is None else row

    def _is_same(self, seen: Entry, entry: Entry) -> bool:
        same_mode = seen.attributes.mode == entry.attributes.mode or not self._modes
        return same_mode and seen.content == entry.content

    def _reread(self, path: Path, row: Row) -> None:
        """Make sure that what was seen at a path is what is there."""
        changed = row.fingerprint.ctime_ns
        if abs(file_time() - changed) < tick(changed):
            raise RefusedError(Reason.BUSY, path, "it was modified just now")
        again = self.read(path)
        if (again.fingerprint, again.entry) != (row.fingerprint, row.entry):
            raise RefusedError(Reason.CHANGED, path, "it was modified since it was looked at")
