"""What a scan doubts: names that have rows, and were not met.

They are kept in the index's file until the scan's end, so that they take no memory.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulacra.actors.data.entries import ROOT, Path
from simulacra.actors.data.scanning.index_database import BATCH, IndexDatabase


class Doubts:
    """See the module; each method raises what `IndexDatabase.guarded` does.

    Args:
        database: the index's.
    """

    def __init__(self, database: IndexDatabase) -> None:
        self._database = database

    def keep(self, folder: Path, names: Mapping[bytes, bool]) -> None:
        """Keep names that have rows, and were not seen or (True) are ignored."""
        if not names:
            return
        with self._database.writing(0):
            self._database.execute_many(
                "INSERT OR REPLACE INTO temp.doubts VALUES (?, ?, ?)",
                [(folder, each, ignored) for each, ignored in names.items()],
            )

    def after(self, last: tuple[Path, bytes] | None) -> list[tuple[Path, bytes, bool]]:
        """The next `BATCH` doubts after one: folder, name, whether it is ignored."""
        with self._database.guarded():
            found = self._database.execute(
                "SELECT folder, name, ignored FROM temp.doubts WHERE (folder, name) > (?, ?)"
                " ORDER BY folder, name LIMIT ?",
                *(last or (ROOT, b"")),
                BATCH,
            )
            return [(folder, each, bool(ignored)) for folder, each, ignored in found]

    def forget(self) -> None:
        """Have no doubts."""
        with self._database.guarded():
            self._database.execute("DELETE FROM temp.doubts")

    def count(self) -> int:
        """How many rows are at and below names that are in doubt and not ignored."""
        with self._database.guarded():
            [(count,)] = self._database.execute(
                "SELECT count(*) FROM temp.doubts WHERE NOT ignored"
            )
            paths = self._database.execute(
                "WITH doubted (path) AS (SELECT CAST(iif(folder = x'', name,"
                " folder || x'2f' || name) AS BLOB) FROM temp.doubts WHERE NOT ignored)"
                " SELECT (SELECT count(*) FROM entries WHERE folder = folders.id)"
                " FROM doubted CROSS JOIN folders WHERE folders.path = doubted.path OR"
                " (folders.path >= CAST(doubted.path || x'2f' AS BLOB)"
                " AND folders.path < CAST(doubted.path || x'30' AS BLOB))"
            )
            return int(count) + sum(int(below) for (below,) in paths)
