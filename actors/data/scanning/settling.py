"""Saying what became of the names that a scan did not see: gone, replaced, forgotten, or there.

Each is looked for once more. What was below a name goes before the name itself, the deepest first,
so that a crash at any moment leaves no row of the index without those above it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from itertools import groupby

from simulacra.actors.data.entries import Path, join, name, parent
from simulacra.actors.data.scanning.attributes import Descent, kind
from simulacra.actors.data.scanning.ignore_files import IgnoreFiles
from simulacra.actors.data.scanning.ignoring import Choice, Rules
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.looking import NotReadError, Reason, not_read
from simulacra.actors.data.scanning.observations import Found, Observation, Skipped
from simulacra.actors.data.scanning.rows import Row

Reader = Callable[[int, Path, os.stat_result, Row], Found]
"""Reads what is at a path: an open folder, the path, its status, what was there before."""


class Settling:
    """Settles the doubts that a scan left in the index.

    Args:
        index: of the tree.
        descent: into the tree.
        choice: what this host wants of the tree.
        read: reads what has taken the place of a folder.
    """

    def __init__(self, index: Index, descent: Descent, choice: Choice, read: Reader) -> None:
        self._index = index
        self._descent = descent
        self._choice = choice
        self._ignore_files = IgnoreFiles(descent, choice)
        self._read = read

    def all(self) -> Iterator[Observation]:
        """What became of each. Raises as `Scan.gone`."""
        after = None
        while doubts := self._index.doubts.after(after):
            after = doubts[-1][:2]
            for folder, names in groupby(doubts, lambda doubt: doubt[0]):
                yield from self._settle(folder, {each: ignored for _, each, ignored in names})

    def _settle(self, folder: Path, names: dict[bytes, bool]) -> Iterator[Observation]:
        said = Observation(folder)
        try:
            rules = self._rules_in(folder)
        except NotReadError as error:
            said.skipped.update(dict.fromkeys(names, Skipped(error.reason, error.detail)))
            yield said
            return
        for each, ignored in names.items():
            path = join(folder, each)
            before = self._index.row(path)
            if before is None:
                continue
            if ignored or self._is_unwanted(rules, path, before):
                yield from self._clear(path, None)
                said.forgotten[each] = before
                continue
            try:
                yield from self._settle_one(said, path, before, rules)
            except NotReadError as error:
                said.skipped[each] = Skipped(error.reason, error.detail)
        yield said

    def _settle_one(
        self, said: Observation, path: Path, before: Row, rules: Rules
    ) -> Iterator[Observation]:
        status = self._status(path)
        if status is None:
            yield from self._clear(path, rules)
            said.gone[name(path)] = before
        elif before.is_folder and not stat.S_ISDIR(status.st_mode):
            yield from self._clear(path, rules)
            said.say(name(path), self._read(self._open(parent(path)), path, status, before))
        # else it is there after all: the next scan says more

    def _rules_in(self, folder: Path) -> Rules:
        rules = self._ignore_files.rules_in(folder)
        if rules is None:  # since it was listed
            raise NotReadError(Reason.CHANGING)
        return rules

    def _open(self, folder: Path) -> int:
        try:
            return self._descent.open(folder)
        except OSError as error:
            raise not_read(error) from error

    def _status(self, path: Path) -> os.stat_result | None:
        """What is at a path now; None for nothing, or nothing that can be kept."""
        folder = self._open(parent(path))
        try:
            status = os.stat(name(path), dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise not_read(error) from error
        if os.fsdecode(name(path)) not in os.listdir(folder):  # noqa: PTH208 (a descriptor)
            return None  # it is there in another case, to a file system that folds names
        return status if kind(status.st_mode) else None

    def _clear(self, path: Path, rules: Rules | None) -> Iterator[Observation]:
        """All that was below a path, the deepest first: gone, or, without rules, forgotten."""
        folder = self._index.last_folder(path)
        while folder is not None:
            after = b""
            while rows := self._index.rows(folder, after):
                after = max(rows)
                said = Observation(folder)
                for each, row in rows.items():
                    ignored = rules is None or self._is_unwanted(rules, join(folder, each), row)
                    (said.forgotten if ignored else said.gone)[each] = row
                yield said
            folder = self._index.last_folder(path, before=folder)

    def _is_unwanted(self, rules: Rules, path: Path, row: Row) -> bool:
        """Whether something that is not there any more need not be, by the rules."""
        largest = self._choice.largest
        if largest is not None and row.entry.content.size > largest:
            return True
        return not rules.are_none and rules.ignore_way(path, folder=row.is_folder)
