"""Having new small files made by a process of its own, while the tree's thread does all else.

It is started when a pack is full, and ends with the bringing. Where it cannot be started, or was
killed once, files are made by the tree's own thread, as are all that it cannot make.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from simulacra.actors.data.applying.making import Made, Making, Placed, Wanted
from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.applying.staging import Staged
from simulacra.actors.data.entries import Fingerprint, Kind, Path
from simulacra.actors.data.reconciling.actions import Put
from simulacra.actors.data.trees.contents import Contents

logger = logging.getLogger(__name__)


class Makers:
    """Starts makers, one at a time, as long as none was lost; outlives the trees that use it."""

    def __init__(self) -> None:
        self._last: Making | None = None
        self._usable = True

    def start(self, root: int) -> Making | None:
        """Start one for the tree with this root; None where that cannot be."""
        if self._last is not None and self._last.is_lost:
            self._usable = False
        if not self._usable:
            return None
        try:
            self._last = Making(root)
        except OSError as error:
            logger.warning("files are made one after the other: %s", error)
            self._usable = False
            return None
        return self._last


class Staging(NamedTuple):
    """Files that were to be staged; None for those that could not be."""

    files: list[tuple[Put, Made | None]]


class Placing(NamedTuple):
    """Files that were to be put; None for those that are where they were staged."""

    files: list[tuple[Put, Staged, Placed | None]]


class Ordering:
    """See the module; used by the tree's thread.

    Args:
        contents: where bytes are.
        start: starts a maker, if there can be one.

    Attributes:
        is_placing: whether files were to be put, and that was not taken.
    """

    def __init__(self, contents: Contents, start: Callable[[], Making | None]) -> None:
        self._contents = contents
        self._start = start
        self._making: Making | None = None
        self._ordered: deque[Callable[[], Staging | Placing]] = deque()
        self._paths: set[Path] = set()
        self.is_placing = False

    def __len__(self) -> int:
        """How much was ordered, and not taken."""
        return len(self._ordered)

    def __contains__(self, path: Path) -> bool:
        return path in self._paths

    def begin(self) -> None:
        """There are so many files that it pays."""
        if self._making is None:
            self._making = self._start()

    def order(self, puts: Iterable[Put]) -> list[Put]:
        """Have files staged; those are returned that are to be staged otherwise.

        Raises:
            RefusedError: the maker was killed.
        """
        making = self._making
        if making is None:
            return list(puts)
        puts = list(puts)
        ordered: list[Put] = []
        wanted: list[Wanted] = []
        others: list[Put] = []
        for put in puts:  # what came before may be closed as others come
            self._place_of(put)
        places = {put.path: self._place_of(put) for put in puts}
        sources = Counter(place[0] for place in places.values() if place is not None)
        source = max(sources, key=sources.__getitem__, default=None)
        for put in puts:
            content, attributes = put.row.entry.content, put.row.entry.attributes
            place = places[put.path]
            if place is None or place[0] != source:
                others.append(put)
                continue
            ordered.append(put)
            wanted.append(Wanted(put.path, content.digest, place[1], content.size, attributes))
        if source is not None:
            making.want(wanted, source)
            self._paths.update(put.path for put in ordered)
            self._ordered.append(lambda: Staging(list(zip(ordered, making.made(), strict=True))))
        return others

    def _place_of(self, put: Put) -> tuple[int, int] | None:
        """Where the bytes of a file are that can be ordered."""
        return None if put.expected is not None else self._contents.came(put.row.entry.content)

    def can_place(self, staged: Staged, found: Fingerprint | None) -> bool:
        """Whether something that was staged can be given to `place`."""
        return self._making is not None and found is None and staged.kind is Kind.FILE

    def place(self, files: list[tuple[Put, Staged]]) -> None:
        """Have files put that are on the disk, one such order at a time.

        Raises:
            RefusedError: the maker was killed.
        """
        making = self._making
        if making is None or not files:
            return
        making.put([staged for _, staged in files])
        self._paths.update(put.path for put, _ in files)
        self.is_placing = True
        self._ordered.append(
            lambda: Placing(
                [(*file, done) for file, done in zip(files, making.placed(), strict=True)]
            )
        )

    def take(self) -> Staging | Placing:
        """Wait for what was ordered longest ago.

        Raises:
            RefusedError: the maker was killed.
        """
        taken = self._ordered.popleft()()
        self._paths.difference_update(put.path for put, *_ in taken.files)
        if isinstance(taken, Placing):
            self.is_placing = False
        return taken

    def end(self) -> Iterator[tuple[Put, Made]]:
        """End the maker; what was staged and not taken is given, to be thrown away.

        What was to be put is as after a kill.
        """
        making, self._making = self._making, None
        try:
            with suppress(RefusedError):
                while self._ordered:
                    if isinstance(taken := self.take(), Staging):
                        yield from ((put, made) for put, made in taken.files if made is not None)
        finally:
            self._ordered.clear()
            self._paths.clear()
            self.is_placing = False
            if making is not None:
                making.close()
