"""From the disk to the journal: a scan, and the edits that follow from it.

What a scan finds is gathered, and taken for edits at its end in one step, so that something that
was moved is seen at both its ends. Of a scan that finds over `MOST` changes, as the first one does,
parts are taken on the way: of what is moved at the same time some is then a deletion and a
creation, which costs nothing but its history.

What is gone comes last, unless it is seen to have been moved: that an inode is at another path says
nothing yet, as inodes are given out again at once. Where what is gone is too much to be believed
(`halting`), nothing of it is taken for deleted: the user is asked (`DoubtError`), and it stays in
the base where it was. What was ignored since is forgotten here and nowhere else. The journal is on
the disk before the index: what a crash keeps out of that is found again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from simulacra.actors.data.content.chunking import ChangedError, digest_file
from simulacra.actors.data.content.manifest import WHOLE, Manifest, ManifestError
from simulacra.actors.data.entries import Entry, Kind, Path, join, name, parent
from simulacra.actors.data.reconciling.halting import AT_LEAST, is_doubtful
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.reconciling.observing import Import, observe
from simulacra.actors.data.reconciling.renames import Found
from simulacra.actors.data.scanning.ignoring import EVERYTHING, Choice
from simulacra.actors.data.scanning.index import Index
from simulacra.actors.data.scanning.looking import NotReadError, Reason
from simulacra.actors.data.scanning.observations import Found as Scanned
from simulacra.actors.data.scanning.observations import Observation, Skipped, record
from simulacra.actors.data.scanning.scan import Meet, Scan, Visitor
from simulacra.actors.data.trees import in_step, returning
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.place import Place

MOST: Final = 20_000
_NEW_FILE: Final = 0o644
_NEW_FOLDER: Final = 0o755


class DoubtError(Exception):
    """Much of a tree seems to be gone: ask the user.

    Attributes:
        gone: how many paths.
        known: of how many.
    """

    def __init__(self, root: object, gone: int, known: int) -> None:
        super().__init__(
            f"{gone} of {known} files and folders are gone from {root}: nothing is taken to be "
            "deleted until you say so"
        )
        self.gone = gone
        self.known = known


def _no_quarantine(paths: list[Path]) -> None:
    raise ValueError(f"no quarantine for {len(paths)} paths")


@dataclass(slots=True)
class Taken:
    """What came of a scan.

    Attributes:
        edits: how many records were written.
        skipped: of these paths nothing is said, and why.
    """

    edits: int = 0
    skipped: dict[Path, Skipped] = field(default_factory=dict)


def manifest_of(descriptor: int, before: Manifest | None = None) -> Manifest:
    """The manifest of an open file.

    Args:
        descriptor: the file.
        before: what it was.

    Raises:
        NotReadError: it changes meanwhile.
    """
    try:
        return digest_file(descriptor, before=before)
    except ChangedError as error:
        raise NotReadError(Reason.CHANGING) from error


class Intake:
    """Takes in what is on the disk; used by one thread.

    Args:
        place: where the tree is.
        journal: what is known of it.
        index: what was seen of it.
        choice: what this host wants of it.
        xattrs: whether the disk can keep extended attributes.
        modes: whether it keeps permission bits.
        quarantine: takes what an import found and nobody knows; folders with all in them.
    """

    def __init__(
        self,
        place: Place,
        journal: Journal,
        index: Index,
        choice: Choice = EVERYTHING,
        *,
        xattrs: bool = True,
        modes: bool = True,
        quarantine: Callable[[list[Path]], None] = _no_quarantine,
    ) -> None:
        self._place = place
        self._journal = journal
        self._index = index
        self._choice = choice
        self._xattrs = xattrs
        self._modes = modes
        self._quarantine = quarantine
        self._extra: list[Path] = []
        self._findings: dict[Path, Found | None] = {}
        self._observations: list[Observation] = []
        self._moved = 0

    def scan(
        self,
        folders: Iterable[Path] | None = None,
        *,
        visitor: Visitor | None = None,
        meet: Meet | None = None,
        sure: bool = False,
    ) -> Taken:
        """Look at the tree, or at some folders, and write what was edited into the journal.

        Args:
            folders: see `Scan.present`.
            visitor: see `Scan`.
            meet: see `Scan`.
            sure: the user said that what is gone was deleted.

        Raises:
            RootError: the root is not what it was.
            DoubtError: see the module; what is there was taken in.
            IndexDamagedError: renew the index, and scan everything.
            IndexUnusableError, sqlite3.Error: the disk does not take what is to be kept.
        """
        taken = Taken()
        before = self._journal.last
        in_step.catch_up(self._journal, self._index)
        try:
            with Scan(
                self._place.root,
                self._index,
                self._digest,
                choice=self._choice,
                visitor=visitor,
                meet=meet,
            ) as scan:
                for observation in scan.present(folders):
                    self._note(observation, taken)
                    if len(self._findings) >= MOST:
                        self._take(deletions=False)
                doubt = None if sure else self._doubt(scan.doubted())
                for observation in scan.gone() if doubt is None else ():
                    self._note(observation, taken)
            self._take(deletions=doubt is None)
            self._put_into_quarantine()
        finally:
            self._findings.clear()
            self._observations.clear()
            self._moved = 0
            self._extra.clear()
        self._journal.importing = False
        self._journal.commit()
        returning.settle(self._place)
        taken.edits = self._journal.last - before
        if doubt is not None:
            raise doubt
        return taken

    def _doubt(self, doubted: int) -> DoubtError | None:
        gone = doubted - self._moved
        if gone < AT_LEAST // 2:  # counting costs a look at the whole index
            return None
        known = self._index.count()
        return DoubtError(self._place.root, gone, known) if is_doubtful(gone, known) else None

    def _digest(self, descriptor: int, size: int) -> bytes:
        manifest = manifest_of(descriptor, self._before(descriptor) if size > WHOLE else None)
        if manifest.average:
            self._journal.put_manifest(manifest.digest, manifest.encode())
        return manifest.digest

    def _before(self, descriptor: int) -> Manifest | None:
        """What a large file was when it was seen last, by whatever name."""
        status = os.fstat(descriptor)
        for row in self._index.at_inode(status.st_dev, status.st_ino).values():
            digest = row.entry.content.digest
            encoded = self._journal.manifest(digest)
            if encoded is not None:
                with suppress(ManifestError):
                    return Manifest.decode(encoded, digest)
        return None

    def _note(self, observation: Observation, taken: Taken) -> None:
        folder = observation.folder
        for entry, found in observation.found.items():
            path = join(folder, entry)
            shown = self._as_known(path, found)
            self._findings[path] = Found(shown, found.row.fingerprint)
            for other in found.elsewhere:
                if not os.path.lexists(self._place.root / os.fsdecode(other)):
                    self._findings.setdefault(other, None)
                    was = self._index.row(other)
                    # Inodes are given out again at once.
                    self._moved += was is not None and was.entry.content == shown.content
        for entry in observation.gone:
            self._findings.setdefault(join(folder, entry), None)
        for entry in observation.forgotten:
            self._journal.drop_row(join(folder, entry))
        taken.skipped |= {join(folder, entry): why for entry, why in observation.skipped.items()}
        self._observations.append(observation)

    def _as_known(self, path: Path, found: Scanned) -> Entry:
        """An entry with the permissions and extended attributes that the disk could not keep."""
        entry = found.row.entry
        rows = (self._journal.row(each) for each in (path, *found.elsewhere))
        known = next((row for row in rows if row is not None), None)
        if not self._modes:
            entry = _with_mode(entry, known)
        if known is None or not known.entry.attributes.xattrs:
            return entry
        lacking = self._journal.lacking(known.id)
        has = dict(entry.attributes.xattrs)
        for key, value in known.entry.attributes.xattrs:
            if not self._xattrs or key in lacking:
                has.setdefault(key, value)
        return replace(
            entry, attributes=replace(entry.attributes, xattrs=tuple(sorted(has.items())))
        )

    def _importing(self) -> Import | None:
        if not self._journal.importing:
            return None
        return Import.EVICTED if returning.is_evicted(self._place) else Import.LOST

    def _put_into_quarantine(self) -> None:
        if not self._extra:
            return
        self._quarantine(self._extra)
        for path in self._extra:
            while (folder := self._index.last_folder(path)) is not None:
                self._index.remove(folder, self._index.fingerprints(folder))
            self._index.remove(parent(path), [name(path)])
        self._index.commit()

    def _take(self, *, deletions: bool) -> None:
        author = self._journal.author
        author.wall = time.time_ns() // 1_000_000
        self._extra += observe(
            self._findings, self._journal, author, self._importing(), deletions=deletions
        )
        self._journal.wrote()
        self._journal.commit()
        for observation in self._observations:
            record(self._index, observation)
        in_step.commit(self._journal, self._index)
        self._findings.clear()
        self._observations.clear()


def _with_mode(entry: Entry, known: Row | None) -> Entry:
    """An entry with the permissions that are known; what is new has those that files mostly have.

    A file that was made executable elsewhere stays so.
    """
    if known is not None and known.is_folder == (entry.content.kind is Kind.FOLDER):
        mode = known.entry.attributes.mode
    elif entry.content.kind is Kind.LINK:
        return entry
    else:
        mode = _NEW_FOLDER if entry.content.kind is Kind.FOLDER else _NEW_FILE
    return replace(entry, attributes=replace(entry.attributes, mode=mode))
