"""What is remembered of a repository between two syncs, in ``simulacra/`` in its git folder.

- ``record``: the replica's name and its history. A record that is another host's, or a copied
  folder's, or damaged, is none: the repository then begins as a new replica.
- ``intent``: what is about to be done to the repository, written before it begins (see
  `git_applying`).
- ``lock``: held while one sync is at work.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from simulacra.actors.cluster.lattice import State as History
from simulacra.actors.data.git.command import OURS
from simulacra.actors.data.git.repository import Held, Repository
from simulacra.actors.data.git.state import SCHEMA, history_from_plain, pack, unpack
from simulacra.actors.private_files import replace_private, sync_folder

Change = tuple[str, str, str]
"""A ref, the object it has, and the object it is to have; empty for none."""

_REPLICA_BYTES: Final = 6
_OURS: Final = frozenset({"common", "lock", "record", "intent", "index.new"})


@dataclass(frozen=True, slots=True)
class Record:
    """What a repository knows of itself and of others.

    Attributes:
        replica: the name of this repository on this host.
        history: see `git_state`.
    """

    replica: str
    history: History


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be done.

    Attributes:
        changes: of refs.
        head: what HEAD says, and is to say; equal if it stays.
        commit_was: what is checked out now; ``-`` if nothing is.
        index: the commit to read into the index; ``-`` to empty it, empty if it stays.
        index_was: the index file's inode, size and mtime before; empty if there was none.
        replaced: (object, what it was) that nothing may name when that is done.
        stash_adds: commits to add to the stash, the oldest first.
        stash_drops: commits to drop from it.
        settings: (key, values) to set; no values take it away.
        record: the record to be written when it is done.
        reason: for the reflog.
    """

    changes: tuple[Change, ...]
    head: tuple[str, str]
    commit_was: str
    index: str
    index_was: tuple[int, ...]
    replaced: tuple[tuple[str, str], ...]
    stash_adds: tuple[str, ...]
    stash_drops: tuple[str, ...]
    settings: tuple[tuple[str, tuple[str, ...]], ...]
    record: bytes
    reason: str

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do but to write the record."""
        stays = self.head[0] == self.head[1] and not self.index
        return stays and not (self.changes or self.stash_adds or self.stash_drops or self.settings)


@contextmanager
def locked(repository: Repository) -> Iterator[None]:
    """Be the only one who syncs a repository.

    Raises:
        Held: another one is at it.
    """
    ours = repository.folder / OURS
    ours.mkdir(exist_ok=True)
    descriptor = os.open(ours / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise Held("another sync of it is under way") from error
    try:
        for path in ours.iterdir():
            if path.name not in _OURS and not path.is_dir():
                path.unlink()  # Left behind by one that was killed.
        yield
    finally:
        os.close(descriptor)


def load(repository: Repository, host: str) -> Record:
    """The record of a repository on a host; a new one if there is none."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        plain = unpack(_path(repository, "record").read_bytes())
        if (
            plain["schema"] == SCHEMA
            and plain["host"] == host
            and plain["inode"] == repository.folder.stat().st_ino
        ):
            return Record(plain["replica"], history_from_plain(plain["history"]))
    return new()


def new() -> Record:
    """The record of a new replica."""
    return Record(secrets.token_hex(_REPLICA_BYTES), History())


def packed(repository: Repository, host: str, record: Record) -> bytes:
    """A record as `save` writes it."""
    return pack(
        {
            "schema": SCHEMA,
            "host": host,
            "inode": repository.folder.stat().st_ino,
            "replica": record.replica,
            "history": record.history.to_plain(),
        }
    )


def save(repository: Repository, record: bytes) -> None:
    """Write a record, if it is another than the one that is there."""
    path = _path(repository, "record")
    with suppress(FileNotFoundError):
        if path.read_bytes() == record:
            return
    replace_private(path, record)


def load_intent(repository: Repository) -> Intent | None:
    """What was about to be done when a sync was cut off; None if there is nothing."""
    try:
        plain: dict[str, Any] = unpack(_path(repository, "intent").read_bytes())
        return Intent(**{key: _frozen(value) for key, value in plain.items()})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError):  # It is written whole: somebody damaged it.
        drop_intent(repository)
        return None


def save_intent(repository: Repository, intent: Intent) -> None:
    """Write down what is about to be done."""
    replace_private(_path(repository, "intent"), pack(asdict(intent)))


def drop_intent(repository: Repository) -> None:
    """It is done, or will not be done."""
    _path(repository, "intent").unlink(missing_ok=True)
    sync_folder(repository.folder / OURS)


def _path(repository: Repository, name: str) -> Path:
    return repository.folder / OURS / name


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value
