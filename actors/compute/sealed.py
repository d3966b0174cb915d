"""Sealed files: whole and unharmed, or refused; written at once or not at all.

A file is a header, plain data about the content, and the content. The header has a magic word,
the schema number, the sizes and a CRC-32 of all that follows it. Writing goes to a temporary file
in the same folder: write, fsync, rename, fsync the folder; so a crash at any moment leaves the old
file or the new one. A disk that is full leaves the old one and an error that says what to do.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgpack

from simulacra.actors.private_files import sync_folder

SCHEMA: Final = 1
BLOCK: Final = 2**20
PART: Final = ".part"

_MAGIC: Final = b"SIMU"
_HEADER: Final = struct.Struct("!4sHIIQ")  # magic, schema, crc, size of about, size of content


class TornFileError(ValueError):
    """A file is not whole, not unharmed, or not one of ours."""


class SchemaError(ValueError):
    """A file was written by a newer Simulacra."""


class DiskFullError(OSError):
    """There is no room; what was there before is untouched."""


def write(path: Path, about: dict[str, Any], content: Iterable[bytes]) -> None:
    """Write a sealed file, replacing the one that was there.

    Args:
        path: where, in a folder that exists.
        about: plain data about the content.
        content: the content, in blocks.

    Raises:
        DiskFullError: there is no room.
        OSError: anything else that the disk refuses.
    """
    part = path.with_name(path.name + PART)
    try:
        _write_part(part, msgpack.packb(about), content)
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                error.errno,
                f"no room on the disk for {path.name}; the older one is kept. Free some space"
                f" below {path.parent}, or lower what is kept",
            ) from error
        raise


def _write_part(part: Path, about: bytes, content: Iterable[bytes]) -> None:
    with part.open("wb", buffering=0) as file:
        crc, size = zlib.crc32(about), 0
        file.seek(_HEADER.size)
        _write_all(file.fileno(), about)
        for block in content:
            crc, size = zlib.crc32(block, crc), size + len(block)
            _write_all(file.fileno(), block)
        file.seek(0)
        _write_all(file.fileno(), _HEADER.pack(_MAGIC, SCHEMA, crc, len(about), size))
        os.fsync(file.fileno())


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def open_verified(path: Path) -> tuple[int, dict[str, Any]]:
    """Open a sealed file, all of it verified.

    Returns:
        A descriptor positioned at the content, the caller's to close, and what `write` was told
        about it.

    Raises:
        FileNotFoundError: there is none.
        TornFileError: it is torn, harmed, or no sealed file.
        SchemaError: it was written by a newer Simulacra.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        about = _verify(fd, path.name)
    except BaseException:
        os.close(fd)
        raise
    return fd, about


def read(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The content of a sealed file and what is said about it; errors as `open_verified`."""
    fd, about = open_verified(path)
    with os.fdopen(fd, "rb") as file:
        return file.read(), about


def _verify(fd: int, name: str) -> dict[str, Any]:
    header = os.pread(fd, _HEADER.size, 0)
    if len(header) < _HEADER.size or header[:4] != _MAGIC:
        raise TornFileError(f"{name} is no file of Simulacra's, or torn at its beginning")
    _, schema, crc, about_size, size = _HEADER.unpack(header)
    if not schema:  # the checksum is not of the header
        raise TornFileError(f"{name} is harmed: it says schema 0, which there never was")
    if schema > SCHEMA:
        raise SchemaError(f"{name} has schema {schema}, and this Simulacra reads up to {SCHEMA}")
    start = _HEADER.size + about_size
    if os.fstat(fd).st_size != start + size:
        raise TornFileError(f"{name} is torn: it has not the {start + size} bytes it should have")
    about = os.pread(fd, about_size, _HEADER.size)
    found = zlib.crc32(about)
    for block in blocks(fd, start):
        found = zlib.crc32(block, found)
    if found != crc:
        raise TornFileError(f"{name} is harmed: its checksum is wrong")
    os.lseek(fd, start, os.SEEK_SET)
    return dict(msgpack.unpackb(about, strict_map_key=False))


def blocks(fd: int, start: int = 0) -> Iterator[bytes]:
    """What a descriptor holds from ``start`` on, in blocks; its position stays where it is."""
    while block := os.pread(fd, BLOCK, start):
        yield block
        start += len(block)
