"""Paths that name their host, ``nas:/srv/photos``: local where they are here, else read remotely.

The same code reads a file wherever it runs: after the computation has moved to the file's host
the path is local. Files of other hosts are read-only, through the node, a block at a time. What
is opened is reported to the node, which may propose to move the computation to what it reads.
"""

from __future__ import annotations

import fnmatch
import io
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, Protocol

BLOCK: Final = 2**20


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of a file: size in bytes, time of its last change (POSIX seconds), kind."""

    size: int
    mtime: float
    is_dir: bool


class Reader(Protocol):
    """How files of other hosts are reached, and who is told what is read."""

    @property
    def host(self) -> str:
        """The host where this runs."""

    def request(self, op: str, host: str, path: str, offset: int = 0, size: int = 0) -> Any:
        """The value of a `channel.Request`; raises the OSError that the other host met."""

    def note_read(self, path: str, size: int) -> None:
        """Tell that ``size`` bytes below ``path`` were opened."""


_reader: Reader | None = None


def use(reader: Reader) -> None:
    """Let all paths of this process read by ``reader``, those too that a snapshot brought."""
    global _reader  # noqa: PLW0603 - a worker process runs one computation
    _reader = reader


def _here() -> Reader:
    if _reader is None:
        raise RuntimeError("a DataPath is of use in a computation only, where ctx.path makes it")
    return _reader


class DataPath:
    """A path on some host, with the part of `pathlib.Path` that reads; made by ``ctx.path``."""

    def __init__(self, path: str) -> None:
        """The path ``path``: ``host:path``, or one of the host where this runs."""
        host, colon, rest = path.partition(":")
        named = bool(colon) and "/" not in host
        self.host: Final = host if named else _here().host
        self._path: Final = PurePosixPath(rest if named else path)

    def __reduce__(self) -> tuple[type[DataPath], tuple[str]]:
        return DataPath, (str(self),)

    @property
    def is_local(self) -> bool:
        """Whether it is on the host where this runs."""
        return self.host == _here().host

    @property
    def name(self) -> str:
        """The last part."""
        return self._path.name

    @property
    def suffix(self) -> str:
        """The last part's ending, with its dot."""
        return self._path.suffix

    @property
    def stem(self) -> str:
        """The last part without its ending."""
        return self._path.stem

    @property
    def parent(self) -> DataPath:
        """The folder it is in."""
        return self._at(self._path.parent)

    def __truediv__(self, part: str) -> DataPath:
        return self._at(self._path / part)

    def _at(self, path: PurePosixPath) -> DataPath:
        return DataPath(f"{self.host}:{path}")

    def __str__(self) -> str:
        return f"{self.host}:{self._path}"

    def __repr__(self) -> str:
        return f"DataPath({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataPath) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __lt__(self, other: DataPath) -> bool:
        return str(self) < str(other)

    def __fspath__(self) -> str:
        """The path for the operating system.

        Raises:
            FileNotFoundError: it is on another host, where the operating system cannot see it.
        """
        if not self.is_local:
            raise FileNotFoundError(
                f"{self} is on another host: open it with ctx.open, or run there with --near {self}"
            )
        return str(self._path)

    def stat(self) -> Stat:
        """Size, time and kind."""
        if self.is_local:
            found = Path(self).stat()
            return Stat(found.st_size, found.st_mtime, Path(self).is_dir())
        return Stat(**self._ask("stat"))

    def exists(self) -> bool:
        """Whether there is such a file or folder."""
        try:
            self.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return self.exists() and self.stat().is_dir

    def iterdir(self) -> list[DataPath]:
        """What is in the folder, sorted by name."""
        names = [path.name for path in Path(self).iterdir()] if self.is_local else self._ask("list")
        return [self / name for name in sorted(names)]

    def glob(self, pattern: str) -> list[DataPath]:
        """What is in the folder and matches ``pattern``, a pattern of one name (``*.csv``)."""
        return [path for path in self.iterdir() if fnmatch.fnmatchcase(path.name, pattern)]

    def open(self, mode: str = "r", *, encoding: str = "utf-8", newline: str | None = None) -> Any:
        """Open the file.

        Raises:
            PermissionError: for writing on another host.
            OSError: as from the builtin ``open``, of whichever host the file is on.
        """
        if self.is_local:
            text = None if "b" in mode else encoding
            file: IO[Any]
            file = Path(self).open(mode, encoding=text, newline=newline)  # noqa: SIM115 - caller's
            if set(mode) & set("r+"):
                _here().note_read(str(self), os.fstat(file.fileno()).st_size)
            return file
        if set(mode) & set("wax+"):
            raise PermissionError(
                f"{self} is on another host, whose files are read-only here: write a local file,"
                f" or run there with --near {self}"
            )
        _here().note_read(str(self), self.stat().size)
        binary = io.BufferedReader(_RemoteFile(self), BLOCK)
        if "b" in mode:
            return binary
        return io.TextIOWrapper(binary, encoding=encoding, newline=newline)

    def read_bytes(self) -> bytes:
        """The whole file."""
        with self.open("rb") as file:
            return bytes(file.read())

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole file as text."""
        with self.open(encoding=encoding) as file:
            return str(file.read())

    def _ask(self, op: str, offset: int = 0, size: int = 0) -> Any:
        return _here().request(op, self.host, str(self._path), offset, size)


class _RemoteFile(io.RawIOBase):
    """A file of another host, read a block at a time."""

    def __init__(self, path: DataPath) -> None:
        self._file = path
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}
        base = start[whence] if whence in start else self._file.stat().size
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._next(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """The rest, in blocks: the builtin's small pieces would cost a round trip each."""
        blocks = []
        while block := self._next(BLOCK):
            blocks.append(block)
        return b"".join(blocks)

    def _next(self, size: int) -> bytes:
        data: bytes = self._file._ask("read", self._at, min(size, BLOCK))  # noqa: SLF001
        self._at += len(data)
        return data
