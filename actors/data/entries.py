"""What a path of a tree is: the words that scanning, planning and applying share.

A *path* is bytes, relative to the tree's root, with ``/`` between its names and ``b""`` for the
root; names are what the file system says, in no particular encoding. An `Entry` is what is there.
Only regular files, folders and symbolic links are kept; of anything else there is no entry.

A file's `Content.digest` is the name of its manifest (see `chunking`), a link's is the hash of its
text, a folder's is empty. Two contents are the same if and only if they are equal.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple
from unicodedata import category

Path = bytes
ROOT: Final[Path] = b""
TEMPORARY: Final = b".simulacra-tmp-"
"""How names of our own temporary files begin: they are in a tree, and never part of it."""
QUARANTINE: Final = b".simulacra-quarantine"
"""The folder in a tree's root where imported files wait for the user: never part of the tree."""
VERSIONS: Final = b".simulacra-versions"
"""The folder in a tree's root where versions are kept, where the node's state is on another file
system: never part of the tree."""
OWN_FOLDERS: Final = frozenset({QUARANTINE, VERSIONS})
GIT: Final = b".git"
"""The name of a git repository's own folder, or of the file that leads to it: git carries it."""
_JOINERS: Final = "\u200c\u200d"
_FIRST: Final = -(2**63)
_LAST: Final = 2**63 - 1


def is_ours(path: Path) -> bool:
    """Whether a path is a temporary file's, in quarantine, a kept version or git's own.

    No tree has it.
    """
    names = path.split(b"/")
    return (
        names[0] in OWN_FOLDERS
        or GIT in names
        or any(entry.startswith(TEMPORARY) for entry in names)
    )


class Kind(StrEnum):
    """What can be kept."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Content:
    """What an edit changes.

    Attributes:
        kind: what it is.
        size: bytes of a file, holes counted, or of a link's text; 0 for a folder.
        digest: the name of these bytes, 32 bytes; empty for a folder.
        target: a link's text; empty for all others.
    """

    kind: Kind
    size: int = 0
    digest: bytes = b""
    target: bytes = b""


FOLDER: Final = Content(Kind.FOLDER)


@dataclass(frozen=True, slots=True)
class Attributes:
    """What `chmod`, `touch` and `setfattr` change.

    Attributes:
        mode: the permission bits, as in ``stat.S_IMODE``; 0o777 for a link, which has none.
        mtime_ns: when the content was last modified, nanoseconds since the epoch; 0 for folders,
            whose time says only when something in them came or went.
        xattrs: the extended attributes in the ``user.`` name space, sorted: (name, value).
    """

    mode: int
    mtime_ns: int = 0
    xattrs: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What is at a path."""

    content: Content
    attributes: Attributes


def without(entry: Entry, lacking: Collection[bytes]) -> Entry:
    """An entry as it is on a disk that cannot keep some of its extended attributes."""
    if not lacking:
        return entry
    attributes = entry.attributes
    kept = tuple(each for each in attributes.xattrs if each[0] not in lacking)
    return replace(entry, attributes=replace(attributes, xattrs=kept))


class Fingerprint(NamedTuple):
    """What `stat` says cheaply: while it is the same, the entry is taken to be the same.

    Attributes:
        device: the file system.
        inode: the file in it.
        size: in bytes.
        mtime_ns: when its content was modified.
        ctime_ns: when anything of it was changed; user programs cannot set it.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Fingerprint:
        """The fingerprint in what `stat` said; times beyond 64 bits are the nearest of those."""
        mtime, ctime = status.st_mtime_ns, status.st_ctime_ns
        if not (_FIRST <= mtime <= _LAST and _FIRST <= ctime <= _LAST):
            mtime, ctime = (min(max(time, _FIRST), _LAST) for time in (mtime, ctime))
        return cls(status.st_dev, status.st_ino, status.st_size, mtime, ctime)


def parent(path: Path) -> Path:
    """The folder that a path is in; `ROOT` is in itself."""
    return path.rpartition(b"/")[0]


def name(path: Path) -> bytes:
    """The last name of a path; empty for `ROOT`."""
    return path.rpartition(b"/")[2]


def join(folder: Path, entry: bytes) -> Path:
    """The path of a name in a folder."""
    return folder + b"/" + entry if folder else entry


def folders_above(path: Path) -> list[Path]:
    """The folders that a path is in, the deepest first, `ROOT` last."""
    names = path.split(b"/")[:-1]
    return [b"/".join(names[:end]) for end in range(len(names), -1, -1)]


def shown(path: Path) -> str:
    """A path for people, and for JSON: what is no UTF-8, or not to be seen, is escaped."""
    return printable(path.decode("utf-8", "backslashreplace"))


def printable(text: str) -> str:
    """A text without anything that a terminal obeys, as a name of a file may have it.

    Spaces of all kinds, and what joins letters or keeps them apart, are part of what is written.
    Surrogates stand for bytes that are no UTF-8, as in Python's names of files.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable() or category(character) == "Zs" or character in _JOINERS:
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def is_below(path: Path, folder: Path) -> bool:
    """Whether a path is somewhere in a folder; no path is below itself."""
    return path != folder and (folder == ROOT or path.startswith(folder + b"/"))
