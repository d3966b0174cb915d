"""Whole ranges of open files: short reads and writes are gone on with, and holes stay holes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from typing import Final

_COPIED: Final = 1024 * 1024
_MOST_PARTS: Final = 1024
"""How many the kernel takes at once."""


def read_into(descriptor: int, room: memoryview, offset: int) -> int:
    """Fill a room from an offset on; fewer bytes than it has only where the file ends.

    Returns:
        How many bytes were read.

    Raises:
        OSError: the file cannot be read.
    """
    done = 0
    while done < len(room):
        got = os.preadv(descriptor, [room[done:]], offset + done)
        if not got:
            break
        done += got
    return done


def read_at(descriptor: int, length: int, offset: int) -> bytes:
    """So many bytes from an offset on; fewer only where the file ends.

    Raises:
        OSError: the file cannot be read.
    """
    data = os.pread(descriptor, length, offset)
    if len(data) in {0, length}:
        return data
    room = bytearray(length - len(data))
    return data + room[: read_into(descriptor, memoryview(room), offset + len(data))]


def write_at(descriptor: int, parts: Sequence[bytes | memoryview], offset: int) -> int:
    """Write parts one after the other from an offset on.

    Returns:
        How many bytes they are.

    Raises:
        OSError: the file does not take all of them; some of it may have been written.
    """
    if len(parts) == 1 and os.pwrite(descriptor, parts[0], offset) == len(parts[0]):
        return len(parts[0])
    start = offset
    for first in range(0, len(parts), _MOST_PARTS):
        group = parts[first : first + _MOST_PARTS]
        total = sum(map(len, group))
        done = os.pwritev(descriptor, group, offset)
        rest = memoryview(b"".join(group) if done < total else b"")
        while done < total:
            done += os.pwrite(descriptor, rest[done:], offset + done)
        offset += total
    return offset - start


def extents(descriptor: int, size: int, block: int = 1) -> Iterator[tuple[int, int]]:
    """Where the first bytes of a file are no hole: where each such part begins and ends.

    It is gone through once: some file systems go through all of a file to find its next hole.

    Args:
        descriptor: the file; where it stands is moved.
        size: how many of its bytes.
        block: parts begin and end at multiples of this many bytes, or at the size.

    Raises:
        OSError: the file cannot be read.
    """
    at = 0
    while at < size:
        try:
            data = os.lseek(descriptor, at, os.SEEK_DATA)
            hole = os.lseek(descriptor, data, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.EINVAL:  # this file system does not say
                yield at, size
            elif error.errno != errno.ENXIO:  # which says that only a hole is left
                raise
            return
        if data >= size:
            return
        first = data - data % block
        at = min(-(-hole // block) * block, size)
        yield first, at


def copy(source: int, target: int) -> None:
    """Copy what a file has into an empty one; the file system may share the bytes.

    Raises:
        OSError: one cannot be read, or the other not be written.
    """
    size = os.fstat(source).st_size
    os.ftruncate(target, size)
    for first, last in extents(source, size):
        at = first
        while at < last:
            done = _copy_some(source, target, at, last - at)
            if not done:
                return  # it became shorter
            at += done


def _copy_some(source: int, target: int, offset: int, most: int) -> int:
    try:
        return os.copy_file_range(source, target, most, offset, offset)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}:
            raise
    return write_at(target, [read_at(source, min(most, _COPIED), offset)], offset)
