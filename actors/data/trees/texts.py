"""The bytes of texts, by what they are called: from the tree, the bases, or the kept versions.

Whatever is found is verified: a file may be another one by now, and a version may have been written
to by who had it open.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

from simulacra.actors.data.content.chunking import ChangedError, digest_file
from simulacra.actors.data.content.descriptors import read_at
from simulacra.actors.data.content.manifest import hash_of
from simulacra.actors.data.content.text_merge import LARGEST, is_text
from simulacra.actors.data.content.versions import Versions, VersionsError
from simulacra.actors.data.entries import Content, Kind, Path, name, parent
from simulacra.actors.data.scanning.attributes import Descent, open_file
from simulacra.actors.data.trees.bases import Bases, chunks_of
from simulacra.actors.data.trees.journal import Journal

logger = logging.getLogger(__name__)


class Texts:
    """See the module; used by the thread that writes the journal.

    Args:
        journal: what is where on this disk.
        descent: opens the tree's folders.
        versions: what was displaced.
        bases: what was remembered.
    """

    def __init__(
        self, journal: Journal, descent: Descent, versions: Versions, bases: Bases
    ) -> None:
        self._journal = journal
        self._descent = descent
        self._versions = versions
        self._bases = bases

    def read(self, path: Path, content: Content) -> bytes | None:
        """The text at a path; None if something else is there, or no text."""
        if content.kind is not Kind.FILE or content.size > LARGEST:
            return None
        try:
            descriptor = open_file(name(path), self._descent.open(parent(path)))
        except OSError:
            return None
        try:
            data = read_at(descriptor, content.size + 1, 0)
        except OSError:
            return None
        finally:
            os.close(descriptor)
        is_it = len(data) == content.size and self._is(data, content.digest) and is_text(data)
        return data if is_it else None

    def side(self, content: Content) -> bytes | None:
        """The text of a content that the tree has somewhere."""
        paths = self._journal.holders(content.digest)
        found = (self.read(path, content) for path in paths)
        return next((data for data in found if data is not None), None)

    def base(self, digest: bytes, paths: Iterable[Path]) -> bytes | None:
        """A text that the tree may have no more.

        Args:
            digest: which.
            paths: where it may have been.
        """
        for path in self._journal.holders(digest):
            row = self._journal.row(path)
            data = None if row is None else self.read(path, row.entry.content)
            if data is not None:
                return data
        data = self._bases.find(digest)
        return data if data is not None else self._kept(digest, paths)

    def _kept(self, digest: bytes, paths: Iterable[Path]) -> bytes | None:
        try:
            for path in paths:
                for version in self._versions.of(path):
                    content = version.entry.content
                    if content.digest == digest and content.size <= LARGEST:
                        return self._restored(version.number, content)
        except (VersionsError, KeyError) as error:
            logger.info("a kept version cannot be merged from: %s", error)
        return None

    def _restored(self, number: int, content: Content) -> bytes | None:
        descriptor = os.memfd_create("version", os.MFD_CLOEXEC)
        try:
            is_whole = self._versions.restore(number, descriptor)
            return read_at(descriptor, content.size, 0) if is_whole else None
        finally:
            os.close(descriptor)

    def _is(self, data: bytes, digest: bytes) -> bool:
        chunks = chunks_of(digest, self._journal, len(data))
        return chunks is not None and all(
            hash_of(data[each.offset : each.offset + each.length]) == each.hash for each in chunks
        )


def digest_of(data: bytes) -> tuple[Content, bytes | None]:
    """What some bytes are called as a file, and their manifest if they have one.

    Raises:
        OSError: there is no memory for them.
    """
    descriptor = os.memfd_create("text", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        manifest = digest_file(descriptor)
    except ChangedError as error:
        raise OSError(str(error)) from error
    finally:
        os.close(descriptor)
    return manifest.content, manifest.encode() if manifest.average else None
