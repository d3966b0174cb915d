"""Kept versions of a tree on this host: listed, and put back into the tree.

To restore one is an edit of this host's disk, which the next scan finds and all other hosts get;
what is there now becomes a version itself. Each host keeps what its own sync displaced, so they
have different versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulacra.actors.data.content.version_catalogue import Version
from simulacra.actors.data.content.versions import Versions
from simulacra.actors.data.entries import Kind, Path
from simulacra.actors.data.trees.editing import Editor

_DROPPED: Final = "that version was just dropped, as the limit of versions says"


class RestoreError(Exception):
    """A version cannot be put back; the text says why."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back.

    Attributes:
        version: which.
        path: where it is now.
        exact: whether it has the bytes that were displaced: a program that had it open may have
            written to it since.
    """

    version: Version
    path: Path
    exact: bool


class Restorer:
    """See the module; used by the thread that brings the disk up to date.

    Args:
        versions: what was kept.
        editor: changes the disk.
    """

    def __init__(self, versions: Versions, editor: Editor) -> None:
        self._versions = versions
        self._editor = editor

    def restore(self, path: Path, number: int | None = None, to: Path | None = None) -> Restored:
        """Put a version of a path back.

        Args:
            path: where it was.
            number: which of its versions; the newest if not said.
            to: where it is to be; where it was if not said.

        Raises:
            RestoreError: there is no such version.
            RefusedError: something is there that was not looked at yet, or a folder; or the disk
                does not take it.
            VersionsError: it cannot be read.
        """
        found = self._versions.of(path)
        if number is not None:
            found = [each for each in found if each.number == number]
        if not found:
            which = "no versions of it are kept" if number is None else f"no version {number} of it"
            raise RestoreError(f"{which} on this host")
        version, target = found[0], path if to is None else to
        entry = version.entry
        if entry.content.kind is Kind.LINK:
            self._editor.put_link(target, entry.content.target, entry.attributes)
            return Restored(version, target, exact=True)
        return Restored(version, target, exact=self._put_file(version, target))

    def _put_file(self, version: Version, target: Path) -> bool:
        exact: list[bool] = []

        def write(into: int) -> None:
            try:
                exact.append(self._versions.restore(version.number, into))
            except KeyError as error:
                raise RestoreError(_DROPPED) from error

        try:
            size = self._versions.length(version.number)
        except KeyError as error:
            raise RestoreError(_DROPPED) from error
        self._editor.put_file(target, write, version.entry.attributes, size)
        return all(exact)
