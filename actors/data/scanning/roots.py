"""The root of a tree: that it is there, and that it is the one that was there before.

A disk that is not mounted leaves an empty folder in its place. So a root that is missing, or on
another file system than before, is an error of its own, and never a tree in which all was deleted.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path as FilePath
from typing import Final

from simulacra.actors.data.scanning.index import Index

_FACT: Final = "file system"


class RootTrouble(StrEnum):
    """Why nothing can be said of a tree."""

    MISSING = "missing"
    NO_FOLDER = "no folder"
    UNREADABLE = "unreadable"
    OTHER_FILE_SYSTEM = "on another file system"


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

    The first time, the index notes which file system it is on.

    Raises:
        RootError: it is not there, or not the same.
    """
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise RootError(
            RootTrouble.MISSING,
            f"{root} is not there, so nothing of the tree is taken to be deleted. Is its disk"
            " mounted? Was it moved?",
        ) from error
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


def accept_root(index: Index) -> None:
    """Take whatever file system the root is on next: the user said that it is right."""
    index.put_fact(_FACT, None)
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
    if before != now:
        index.put_fact(_FACT, now)
        index.commit()


def _is_same(before: list[int], now: list[int]) -> bool:
    """By the file system's own number where it has one; device numbers change between boots."""
    (number, device), (number_now, device_now) = before, now
    return number == number_now if number and number_now else device == device_now
