"""Which of what is new on disk was renamed from what is gone: by inode, then by content.

A file is renamed if it has the same inode and the same content; inodes are given out again at once,
so that alone says nothing. Without that, equal content will do, of the same name if there is a
choice; empty files are all equal, and are none. A folder needs the same inode, and in it something
that it held. What is found where it was is never the source of a renaming.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from simulacra.actors.data.entries import Content, Entry, Fingerprint, Kind, Path, join, name
from simulacra.actors.data.reconciling.index import Base, Row


@dataclass(frozen=True, slots=True)
class Found:
    """What a scan found at a path.

    Attributes:
        entry: what it is.
        fingerprint: what `stat` said.
    """

    entry: Entry
    fingerprint: Fingerprint


Findings = Mapping[Path, Found | None]
"""Paths that differ from the base, or may; None where nothing is. Of a new folder all is in it."""


def all_gone(findings: Findings, base: Base) -> Iterator[Path]:
    """The paths of the base that were not found, and all below them."""
    pending = [path for path, found in findings.items() if found is None]
    while pending:
        path = pending.pop()
        if base.row(path) is not None and findings.get(path) is None:
            yield path
        pending.extend(below for below, _ in base.rows_in(path))


class Sources:
    """What is gone, and may have been renamed."""

    def __init__(self, base: Base, gone: set[Path]) -> None:
        self._base = base
        self._gone = gone
        self._inodes: dict[tuple[int, int], Row] = {}
        self._contents: dict[Content, list[Row]] = {}
        for path in sorted(gone):
            row = base.row(path)
            if row is not None:
                self.add(row)

    def add(self, row: Row) -> None:
        """Something more is gone."""
        if row.fingerprint is not None:
            self._inodes[_inode(row.fingerprint)] = row
        if row.entry.content.size:
            self._contents.setdefault(row.entry.content, []).append(row)

    def by_inode(self, found: Found) -> Path | None:
        """The path that is gone and had this inode, with this content."""
        row = self._inodes.get(_inode(found.fingerprint))
        if row is None or row.entry.content != found.entry.content:
            return None
        return self._path(row)

    def match(self, path: Path, found: Found, findings: Findings) -> Path | None:
        """The path that something new was renamed from."""
        source = self.by_inode(found)
        if found.entry.content.kind is Kind.FOLDER:
            return source if source is not None and self._same(source, path, findings) else None
        if source is not None:
            return source
        rows = self._contents.get(found.entry.content, [])
        paths = [at for row in rows if (at := self._path(row)) is not None]
        return min(paths, key=lambda at: (name(at) != name(path), at), default=None)

    def _path(self, row: Row) -> Path | None:
        """Where something that is gone was, other folders' moves counted; None if it is found."""
        paths = (at for at, other in self._base.paths(row.id) if other.identity == row.identity)
        return next((at for at in paths if at in self._gone), None)

    def _same(self, source: Path, path: Path, findings: Findings) -> bool:
        """Whether a folder with the same inode has something of what it held, if it held any."""
        held = list(self._base.rows_in(source))
        return not held or any(findings.get(join(path, name(at))) is not None for at, _ in held)


def _inode(fingerprint: Fingerprint) -> tuple[int, int]:
    return fingerprint.device, fingerprint.inode
