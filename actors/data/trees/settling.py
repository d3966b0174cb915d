"""Conflicts of a tree settled, in the tree's thread: by the user, or by merging texts.

The user names the sides that were listed. Where these are no longer the sides, nothing is done:
what came meanwhile has not been seen. To take a side, or both, is a writing of records alone, and
the disks follow. A content of its own (edited, or merged) is first put in the place of what is on
this disk, and is written to replace all sides then; killed in between, the next scan takes it for
an edit of the one, and the conflict is still there.

**Merging.** What hosts made of one text is merged by lines (`text_merge`) into one that replaces
them, if their changes touch nowhere and the text that they began with is at hand. That is done by
one host only: the main store, or, where it is out of reach, the first complete copy that is in
reach, in the order of their names. Two parts of a network may each merge: equal texts are one, and
others are a conflict like any other. What does not merge is not tried again until a side changes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.content.descriptors import write_at
from simulacra.actors.data.content.text_merge import LARGEST, merge_texts
from simulacra.actors.data.entries import Attributes, Content, Entry, Kind, Path
from simulacra.actors.data.reconciling import conflicts
from simulacra.actors.data.reconciling.actions import Put, done
from simulacra.actors.data.reconciling.conflicts import Conflict, ConflictKind, SettleError
from simulacra.actors.data.reconciling.contested import at, find
from simulacra.actors.data.reconciling.dots import Dot
from simulacra.actors.data.reconciling.projecting import sides
from simulacra.actors.data.reconciling.records import FileId
from simulacra.actors.data.trees.editing import Editor
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.texts import Texts, digest_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TakeSide:
    """Keep one side."""

    dot: Dot


@dataclass(frozen=True, slots=True)
class TakeBoth:
    """Leave everything as it is shown, each copy a file of its own."""


@dataclass(frozen=True, slots=True)
class TakeContent:
    """Put these bytes in place of all sides."""

    data: bytes


Choice = TakeSide | TakeBoth | TakeContent


class Settler:
    """See the module; used by the thread that writes the journal.

    Args:
        journal: what is known.
        editor: changes the disk.
        texts: where bytes are found.
    """

    def __init__(self, journal: Journal, editor: Editor, texts: Texts) -> None:
        self._journal = journal
        self._editor = editor
        self._texts = texts
        self._looked = journal.last
        self._pending = set(journal.contested())
        self._tried: dict[FileId, tuple[Dot, ...]] = {}

    # -- by the user

    def settle(self, path: Path, shown: Sequence[Dot], choice: Choice) -> None:
        """Settle the conflict at a path.

        Args:
            path: where it is shown, or one of its copies.
            shown: its sides, as they were listed.
            choice: how.

        Raises:
            SettleError: there is none, it is another by now, or it cannot be settled so.
            RefusedError: this disk does not take the content.
        """
        conflict = self._find(path, shown)
        self._begin()
        match choice:
            case TakeBoth():
                conflicts.take_both(conflict, self._journal, self._journal.author)
            case TakeSide(dot):
                self._check_contents(conflict)
                conflicts.take(conflict, dot, self._journal, self._journal.author)
            case TakeContent(data):
                self._check_contents(conflict)
                self._put(conflict, data, time.time_ns())
        self._commit()

    def _find(self, path: Path, shown: Sequence[Dot]) -> Conflict:
        found = [
            each
            for each in find(self._journal.contested(), self._journal)
            if path == each.path or path in each.copies
        ]
        if not found:
            raise SettleError("there is no conflict: list them again")
        for each in found:
            if tuple(version.dot for version in each.sides) == tuple(shown):
                return each
        raise SettleError("its sides have changed meanwhile: list the conflicts again")

    def _check_contents(self, conflict: Conflict) -> None:
        """Refuse what would leave a folder standing that is to give way to a file."""
        place = at(conflict.path, self._journal)
        if conflict.kind is ConflictKind.CONTENT and place is not None and place.row.is_folder:
            raise SettleError(
                "a folder and a file want one name: take both, then move or delete either"
            )

    # -- merging

    def merge(self) -> int:
        """Merge the texts that can be; how many were."""
        merged = 0
        for conflict in list(find(self._several(), self._journal)):
            dots = tuple(version.dot for version in conflict.sides)
            if conflict.kind is not ConflictKind.CONTENT or self._tried.get(conflict.id) == dots:
                continue
            if not all(_may_be_text(version.content) for version in conflict.sides):
                self._tried[conflict.id] = dots
                continue
            texts = [self._texts.side(version.content) for version in conflict.sides]
            there = [text for text in texts if text is not None]
            if len(there) == len(texts):
                self._tried[conflict.id] = dots
                merged += self._merge(conflict, there)
        return merged

    def _several(self) -> set[FileId]:
        """The records that have several sides, in what has changed since the last time too."""
        changed = self._journal.contested(self._looked)
        self._looked = self._journal.last
        candidates = self._pending.union(changed)
        records = [record for each in candidates if (record := self._journal.record(each))]
        self._pending = {each.id for each in records if len(sides(each)) > 1}
        self._tried = {each: dots for each, dots in self._tried.items() if each in self._pending}
        return self._pending

    def _merge(self, conflict: Conflict, texts: Sequence[bytes]) -> bool:
        digest = conflicts.common(conflict.sides)
        if digest is None:
            return False
        base = self._texts.base(digest, (conflict.path, *conflict.copies))
        merged = None if base is None else merge_all(base, texts)
        if merged is None:
            return False
        self._begin()
        modified = max(version.attributes.mtime_ns for version in conflict.sides)
        try:
            self._put(conflict, merged, modified)
        except (RefusedError, SettleError) as error:
            logger.info("what was merged is not put in place yet: %s", error)
            del self._tried[conflict.id]
            return False
        self._commit()
        logger.info("%r was merged of what %s made of it", conflict.path, conflict.hosts)
        return True

    # -- parts

    def _put(self, conflict: Conflict, data: bytes, modified: int) -> None:
        """Put a content in place of all sides, on this disk and in the journal."""
        row = self._journal.row(conflict.path)
        record = self._journal.record(conflict.id)
        if row is None or record is None or row.entry.content != conflict.sides[0].content:
            raise SettleError("it is not on this host's disk as it is listed: try again soon")
        content, manifest = digest_of(data)
        if manifest is not None:
            self._journal.put_manifest(content.digest, manifest)
        attributes = Attributes(record.mode.value, modified, record.xattrs.value)
        entry, fingerprint = Entry(content, attributes), row.fingerprint
        if content == row.entry.content:
            entry = Entry(content, row.entry.attributes)
        else:
            write = _writer(data)
            applied = self._editor.put_file(conflict.path, write, attributes, len(data))
            fingerprint = applied.fingerprint
        conflicts.edit(conflict, entry, self._journal, self._journal.author)
        place = at(conflict.path, self._journal)
        if place is not None and place.row.entry == entry:
            done(Put(conflict.path, place.row, row.entry), self._journal, fingerprint)

    def _begin(self) -> None:
        self._journal.author.wall = time.time_ns() // 1_000_000

    def _commit(self) -> None:
        self._journal.wrote()
        self._journal.commit()


def merge_all(base: bytes, texts: Sequence[bytes]) -> bytes | None:
    """What several sides made of a text, in one; None where any two of them touch.

    They are taken in an order that does not depend on who does it.
    """
    first, *others = sorted(texts)
    merged: bytes | None = first
    for text in others:
        merged = None if merged is None else merge_texts(base, merged, text)
    return merged


def merges(here: str, complete: Iterable[str], connected: Iterable[str]) -> bool:
    """Whether this host is the one that merges texts.

    Args:
        here: its name.
        complete: the hosts that have all of the tree, the main store's first, others by name.
        connected: the hosts that are in reach.
    """
    reach = {here, *connected}
    return next((host for host in complete if host in reach), None) == here


def _may_be_text(content: Content) -> bool:
    return content.kind is Kind.FILE and content.size <= LARGEST


def _writer(data: bytes) -> Callable[[int], object]:
    return lambda into: write_at(into, [data], 0)
