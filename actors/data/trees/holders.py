"""The files of this host that had a content: of the tree, and of what sync displaced."""

from __future__ import annotations

import os
from collections.abc import Iterator

from simulacra.actors.data.content.manifest import hash_of
from simulacra.actors.data.content.versions import open_kept
from simulacra.actors.data.entries import Content, name, parent
from simulacra.actors.data.scanning.attributes import Descent, open_file
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.place import Place


class Holders:
    """See the module; used by the thread that writes the journal.

    Args:
        place: where the tree is.
        journal: what is on its disk.
        descent: opens its folders.
    """

    def __init__(self, place: Place, journal: Journal, descent: Descent) -> None:
        self._place = place
        self._journal = journal
        self._descent = descent

    def having(self, digest: bytes) -> Iterator[int]:
        """A descriptor of each, open until the next is asked for; they may have changed since."""
        for path in self._journal.holders(digest):
            try:
                descriptor = open_file(name(path), self._descent.open(parent(path)))
            except OSError:
                continue
            with os.fdopen(descriptor, "rb"):
                yield descriptor
        kept = open_kept(self._place.versions, digest, self._place.catalogue)
        if kept is not None:
            with os.fdopen(kept, "rb"):
                yield kept

    def read(self, content: Content) -> bytes | None:
        """The bytes of a small content; None where no file has them any more."""
        for descriptor in self.having(content.digest):
            data = os.pread(descriptor, content.size + 1, 0)
            if hash_of(data) == content.digest:
                return data
        return None
