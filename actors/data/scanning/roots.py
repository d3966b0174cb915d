"""The root of a tree: that it is there, and that it is the one that was there before.

A disk that is not mounted leaves an empty folder in its place. So a root that is missing, or on
another file system than before, or another folder than before with nothing in it, is an error of
its own, and never a tree in which all was deleted.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path as FilePath
from typing import Final

from simulacra.actors.data.entries import is_ours
from simulacra.actors.data.scanning.index import Index

_FACT: Final = "file system"
_FOLDER: Final = "root"


class RootTrouble(StrEnum):
    """Why nothing can be said of a tree."""

    MISSING = "missing"
    NO_FOLDER = "no folder"
    UNREADABLE = "unreadable"
    OTHER_FILE_SYSTEM = "on another file system"
    OTHER_AND_EMPTY = "another folder, and empty"


class RootError(Exception):
    """Nothing can be said of a tree: ask the user.

    Attributes:
        trouble: why.
    """

    def __init__(self, trouble: RootTrouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


def open_root(root: FilePath, index: Index) -> int:
    """A descriptor of a tree's root, which may be reached through symbolic links.

    The first time, the index notes which folder it is, and on which file system.

    Raises:
        RootError: it is not there, or not the same.
    """
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise RootError(RootTrouble.MISSING, missing(root)) from error
    except NotADirectoryError as error:
        raise RootError(RootTrouble.NO_FOLDER, f"{root} is no folder") from error
    except OSError as error:
        raise RootError(RootTrouble.UNREADABLE, f"{root}: {error.strerror}") from error
    try:
        _check(root, descriptor, index)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def missing(root: object) -> str:
    """What to say of a root that is not there."""
    return (
        f"{root} is not there, so nothing of the tree is taken to be deleted. Is its disk mounted? "
        "Was it moved?"
    )


def accept_root(index: Index) -> None:
    """Take whatever folder is there next, wherever it is: the user said that it is right."""
    index.put_fact(_FACT, None)
    index.put_fact(_FOLDER, None)
    index.commit()


def _check(root: FilePath, descriptor: int, index: Index) -> None:
    now = [os.fstatvfs(descriptor).f_fsid, os.fstat(descriptor).st_dev]
    before = index.fact(_FACT)
    if before is not None and not _is_same(before, now):
        raise RootError(
            RootTrouble.OTHER_FILE_SYSTEM,
            f"{root} is on another file system than before, so nothing of the tree is taken to be"
            " deleted. Is its disk mounted? If it was moved there on purpose, say so",
        )
    inode = os.fstat(descriptor).st_ino
    folder = index.fact(_FOLDER)
    if folder not in {None, inode} and not index.is_empty() and _is_bare(descriptor):
        raise RootError(
            RootTrouble.OTHER_AND_EMPTY,
            f"{root} is another folder than before, and empty, so nothing of the tree is taken to "
            "be deleted. Is its disk mounted? Was it moved?",
        )
    if (before, folder) != (now, inode):
        index.put_fact(_FACT, now)
        index.put_fact(_FOLDER, inode)
        index.commit()


def _is_bare(descriptor: int) -> bool:
    names = map(os.fsencode, os.listdir(descriptor))
    return all(map(is_ours, names))


def _is_same(before: list[int], now: list[int]) -> bool:
    """By the file system's own number where it has one; device numbers change between boots."""
    (number, device), (number_now, device_now) = before, now
    return number == number_now if number and number_now else device == device_now
