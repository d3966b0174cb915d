"""Writing files with their holes: runs of zeros take no room on the disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import Final

_BLOCK: Final = 1 << 16
_MOST: Final = 1 << 30
_ZEROS: Final = bytes(_BLOCK)
_NO_COPY: Final = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write all of a content at the descriptor's place."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def write_sparse(descriptor: int, pieces: Iterable[bytes]) -> None:
    """Write pieces one after another to an empty file, leaving out 64 KiB blocks of zeros."""
    end = 0
    for piece in pieces:
        for at in range(0, len(piece), _BLOCK):
            block = memoryview(piece)[at : at + _BLOCK]
            if block == _ZEROS[: len(block)] and len(block) == _BLOCK:
                os.lseek(descriptor, _BLOCK, os.SEEK_CUR)
            else:
                write_all(descriptor, block)
            end += len(block)
    os.ftruncate(descriptor, end)


def copy_sparse(source: int, target: int) -> None:
    """Copy a file to an empty one: its data by the kernel where that can, its holes as holes."""
    size = os.fstat(source).st_size
    at = 0
    while at < size:
        try:
            start = os.lseek(source, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            break
        at = os.lseek(source, start, os.SEEK_HOLE)
        _copy(source, target, start, at)
    os.ftruncate(target, size)


def _copy(source: int, target: int, start: int, end: int) -> None:
    """Copy a range; a source that became shorter meanwhile ends it."""
    try:
        while start < end:
            copied = os.copy_file_range(source, target, min(end - start, _MOST), start, start)
            if copied == 0:
                return
            start += copied
    except OSError as error:
        if error.errno not in _NO_COPY:
            raise
    os.lseek(target, start, os.SEEK_SET)
    while start < end and (piece := os.pread(source, min(end - start, 1 << 20), start)):
        write_all(target, piece)
        start += len(piece)
