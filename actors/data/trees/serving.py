"""What other hosts ask of a tree here: changes, manifests, and bytes.

It reads what was committed, and files where the base says that they are, if they seem to be the
same still, or among kept versions; never through a link, and never out of the tree. The bytes may
be other ones by now: whoever asked verifies them. One thread at a time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from simulacra.actors.data.content.versions import open_kept
from simulacra.actors.data.entries import Fingerprint, name, parent
from simulacra.actors.data.scanning.attributes import Descent, open_file
from simulacra.actors.data.trees.asking import Piece
from simulacra.actors.data.trees.journal_reader import JournalReader
from simulacra.actors.data.trees.place import Place


class Server:
    """See the module; without a root it tells what is known, and has no bytes.

    Args:
        place: where the tree is.

    Raises:
        sqlite3.Error: there is no journal.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self.reader = JournalReader(place.journal)
        self._root = _opened(place)
        self._descent = None if self._root is None else Descent(self._root)

    def is_of_root(self) -> bool:
        """Whether the root is still the folder that this reads, or none still."""
        try:
            now = self._place.root.stat()
        except OSError:
            return self._root is None
        return self._root is not None and os.path.samestat(now, os.fstat(self._root))

    def close(self) -> None:
        """Let go of everything."""
        self.reader.close()
        if self._descent is not None:
            self._descent.close()
        if self._root is not None:
            os.close(self._root)

    def pack(self, pieces: Sequence[Piece], into: int) -> list[int]:
        """Write pieces one after the other into a file; the length of each, -1 for none."""
        lengths: list[int] = []
        opened: tuple[bytes, int] | None = None
        try:
            for piece in pieces:
                if opened is None or opened[0] != piece.digest:
                    if opened is not None:
                        os.close(opened[1])
                        opened = None
                    descriptor = self.find(piece.digest)
                    if descriptor is None:
                        lengths.append(-1)
                        continue
                    opened = piece.digest, descriptor
                lengths.append(_send(opened[1], piece, into))
        finally:
            if opened is not None:
                os.close(opened[1])
        return lengths

    def find(self, digest: bytes) -> int | None:
        """A file that had a content, open for reading; None where there is none."""
        if self._descent is None:
            return None
        found = self._in_tree(digest, self._descent)
        return (
            open_kept(self._place.versions, digest, self._place.catalogue)
            if found is None
            else found
        )

    def _in_tree(self, digest: bytes, descent: Descent) -> int | None:
        for path, found in self.reader.holders(digest):
            try:
                descriptor = open_file(name(path), descent.open(parent(path)))
            except OSError:
                continue
            if _is_same(found, os.fstat(descriptor)):
                return descriptor
            os.close(descriptor)
        return None


def _opened(place: Place) -> int | None:
    try:
        return os.open(place.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None


def _is_same(found: Fingerprint | None, status: os.stat_result) -> bool:
    return found is None or (found.size, found.mtime_ns) == (status.st_size, status.st_mtime_ns)


def _send(source: int, piece: Piece, into: int) -> int:
    """Add a piece; what cannot be read is none, and leaves nothing."""
    begin = os.lseek(into, 0, os.SEEK_CUR)
    sent = 0
    try:
        while sent < piece.length:
            got = os.sendfile(into, source, piece.offset + sent, piece.length - sent)
            if not got:
                break
            sent += got
    except OSError:
        os.ftruncate(into, begin)
        os.lseek(into, begin, os.SEEK_SET)
        return -1
    return sent
