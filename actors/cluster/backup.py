"""A node's state in one file: the directory, and the files of keys and of the network beside it.

The file is a tar archive, mode 0600 since it has secrets in it, with ``manifest.json`` first: the
schema number, the host, and the SHA-256 of each part. All of it is verified before anything is
written. The directory is copied by SQLite itself, so a node may go on meanwhile. What is restored
begins a new life: the host may have said more since the copy was made, and no number is given
twice; what it said comes back from the others.
"""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from simulacra.actors.cluster.outcomes import Outcome
from simulacra.actors.cluster.store import Store, StoreError, new_life
from simulacra.actors.private_files import replace_private

SCHEMA: Final = 1
_DIRECTORY: Final = "directory.sqlite"
_MANIFEST: Final = "manifest.json"


class BackupError(Exception):
    """A backup cannot be made or restored; the text says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        host: whose state it is.
        made: seconds since the epoch.
        parts: the SHA-256 of each part, by name.
        schema: the format's number.
    """

    host: str
    made: int
    parts: dict[str, str]
    schema: int = SCHEMA


def backup(target: Path, host: str, directory: Path, files: Mapping[str, Path]) -> Manifest:
    """Write a node's state into a new file.

    Args:
        target: the file.
        host: the host's name.
        directory: the directory's file.
        files: other files by the names that they have in the backup; those not there are left out.

    Raises:
        BackupError: the file is there already, or cannot be written, or something cannot be read.
    """
    if target.exists():
        raise BackupError(f"{target} is there already: name another file, or remove it first")
    try:
        parts = {name: path.read_bytes() for name, path in files.items() if path.exists()}
        parts[_DIRECTORY] = _copy(directory)
        manifest = Manifest(
            host, int(time.time()), {name: _hash(content) for name, content in parts.items()}
        )
        packed = _pack({_MANIFEST: json.dumps(asdict(manifest), indent=1).encode(), **parts})
        replace_private(target, packed)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"the backup {target} cannot be made: {error}") from error
    return manifest


def restore(
    source: Path, directory: Path, files: Mapping[str, Path], *, replace: bool = False
) -> Manifest:
    """Put a node's state back; the node must not be up.

    Args:
        source: the backup.
        directory: where the directory's file goes.
        files: where the others go, by their names in the backup.
        replace: write over what is there.

    Raises:
        BackupError: the file is no backup, or is damaged, or something is in the way.
    """
    manifest, parts = _unpack(source)
    places = {**files, _DIRECTORY: directory}
    unknown = sorted(set(parts) - set(places))
    if unknown:
        raise BackupError(f"{source} has parts that this software does not know: {unknown}")
    there = [str(places[name]) for name in parts if places[name].exists()]
    if there and not replace:
        raise BackupError(
            f"{', '.join(there)} would be written over: move what is there away, or add --replace"
        )
    try:
        for name, content in parts.items():
            if name == _DIRECTORY:
                _without_log(directory)
            replace_private(places[name], content)
        with Store(directory) as store:
            store.keep(Outcome(), new_life(), durable=True)
    except (OSError, StoreError) as error:
        raise BackupError(f"{source} cannot be restored: {error}") from error
    return manifest


def read_manifest(source: Path) -> Manifest:
    """What a backup says of itself, with all parts verified.

    Raises:
        BackupError: the file is no backup, or is damaged.
    """
    return _unpack(source)[0]


# -- the archive


def _pack(parts: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def _unpack(source: Path) -> tuple[Manifest, dict[str, bytes]]:
    try:
        parts = _read(source)
        manifest = Manifest(**json.loads(parts.pop(_MANIFEST)))
    except FileNotFoundError:
        raise BackupError(f"there is no file {source}") from None
    except (
        OSError,
        EOFError,
        zlib.error,
        tarfile.TarError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        raise BackupError(f"{source} is no backup, or is damaged: {error}") from error
    if manifest.schema != SCHEMA:
        raise BackupError(
            f"{source} has schema {manifest.schema}, and this software knows {SCHEMA}: restore it "
            "with the simulacra that made it"
        )
    if {name: _hash(content) for name, content in parts.items()} != manifest.parts:
        raise BackupError(f"{source} is damaged: a part is not what was written; take another")
    return manifest, parts


def _read(source: Path) -> dict[str, bytes]:
    """The parts by name; nothing is unpacked onto the disk."""
    parts = {}
    with tarfile.open(source, mode="r:gz") as archive:
        for entry in archive:
            stream = archive.extractfile(entry)
            if stream is None:
                raise ValueError(f"{entry.name} is no file")
            parts[entry.name] = stream.read()
    return parts


# -- files


def _copy(directory: Path) -> bytes:
    """The database as it is now, in one piece."""
    if not directory.exists():
        raise BackupError(f"there is no directory {directory}: start the node once, then try again")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / _DIRECTORY
        with (
            closing(sqlite3.connect(directory)) as here,
            closing(sqlite3.connect(copy)) as there,
        ):
            here.backup(there)
            there.execute("PRAGMA journal_mode = DELETE")
            problem = there.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise BackupError(f"the directory {directory} is damaged: {problem}")
        return copy.read_bytes()


def _without_log(directory: Path) -> None:
    """Remove what belongs to the database that is written over."""
    for ending in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{directory}{ending}").unlink()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
