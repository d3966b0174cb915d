"""What is kept of computations on this host's disk.

``ROOT/NAME/`` holds ``spec``, ``checkpoint-N`` (the last two), ``result``, ``record-KEY`` (the
moving protocol's), all sealed (see `sealed`), ``arrival-EPOCH`` (a snapshot that came from another
host), ``log`` and ``work/``, the working directory. A checkpoint that turns out torn is passed over
for the one before it; one that is over the limit is refused. Finished computations are kept for 7
days and up to 1 GiB together, and then removed, the oldest first (`Store.expire`).
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import msgpack

from simulacra.actors.compute import sealed
from simulacra.actors.compute.spec import Spec

CHECKPOINTS_KEPT: Final = 2
KEEP_SECONDS: Final = 7 * 24 * 3600.0
KEEP_BYTES: Final = 2**30
CHECKPOINT_LIMIT: Final = 2**30

_CHECKPOINT: Final = "checkpoint-"
_ARRIVAL: Final = "arrival-"
_RECORD: Final = "record-"


class CheckpointTooLargeError(OSError):
    """A checkpoint is over the limit; what was there before is untouched."""


class Kept:
    """What is kept of one computation.

    Args:
        folder: where, made if need be.
        limit: bytes that a checkpoint may have.

    Attributes:
        folder: its folder.
        log: the file for its output.
        work: its working directory.
    """

    def __init__(self, folder: Path, limit: int = CHECKPOINT_LIMIT) -> None:
        self._limit = limit
        self.folder: Final = folder
        self.log: Final = folder / "log"
        self.work: Final = folder / "work"
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob(f"*{sealed.PART}"):
            part.unlink()  # a crash left it; it was never the truth

    def write_spec(self, spec: Spec) -> None:
        """Keep the spec. Raises as `sealed.write`."""
        self._write("spec", spec.to_plain())

    def read_spec(self) -> Spec:
        """The spec. Raises as `sealed.open_verified`, and SpecError."""
        return Spec.from_plain(self._read("spec"))

    def write_result(self, result: dict[str, Any]) -> None:
        """Keep the end of it, as plain data; from then on it counts as finished."""
        self._write("result", result)

    def read_result(self) -> dict[str, Any] | None:
        """The end of it, or None while it has not ended. Raises `sealed.TornFileError`."""
        return self._read("result") if self.is_finished else None

    @property
    def is_finished(self) -> bool:
        """Whether its end is kept."""
        return (self.folder / "result").exists()

    def write_record(self, key: str, record: Any) -> None:
        """Keep a record, plain data, under a key (a word); it is durable on return."""
        self._write(_RECORD + key, record)

    def read_records(self) -> dict[str, Any]:
        """All records by key. Raises `sealed.TornFileError`."""
        paths = sorted(self.folder.glob(f"{_RECORD}*"))
        return {path.name.removeprefix(_RECORD): self._read(path.name) for path in paths}

    def remove_record(self, key: str) -> None:
        """Forget a record; no error where there is none."""
        (self.folder / (_RECORD + key)).unlink(missing_ok=True)

    def save_checkpoint(self, fd: int, about: dict[str, Any] | None = None) -> int:
        """Keep a snapshot, and drop the one before the last.

        Args:
            fd: the snapshot; it is copied from its beginning, and stays the caller's to close.
            about: plain data to come back with it.

        Returns:
            The checkpoint's number.

        Raises:
            CheckpointTooLargeError: it is over the limit.
            sealed.DiskFullError: there is no room; the older checkpoints are still there.
            OSError: anything else that the disk refuses.
        """
        size = os.fstat(fd).st_size
        if size > self._limit:
            raise CheckpointTooLargeError(
                errno.EFBIG,
                f"it has {size} bytes, and checkpoint_limit is {self._limit} on this host. Keep"
                " what is large in files of the working directory and only their names in the"
                " state, or set checkpoint_limit higher in simulacra.toml and start the node again",
            )
        numbers = self._checkpoints()
        number = max(numbers, default=0) + 1
        path = self.folder / f"{_CHECKPOINT}{number}"
        sealed.write(path, about or {}, sealed.blocks(fd))
        for old in [*numbers, number][:-CHECKPOINTS_KEPT]:
            _remove(self.folder / f"{_CHECKPOINT}{old}")
        return number

    def open_checkpoint(self) -> tuple[int, dict[str, Any]] | None:
        """The newest checkpoint that is whole: a descriptor at its content, and what is said.

        The descriptor is the caller's to close. None where there is no whole checkpoint.

        Raises:
            sealed.SchemaError: it was written by a newer Simulacra.
        """
        for number in reversed(self._checkpoints()):
            try:
                return sealed.open_verified(self.folder / f"{_CHECKPOINT}{number}")
            except sealed.TornFileError:
                continue
        return None

    def remove_checkpoints(self) -> None:
        """Forget all checkpoints."""
        for number in self._checkpoints():
            _remove(self.folder / f"{_CHECKPOINT}{number}")

    def arrival(self, epoch: int) -> Path:
        """The file for the worker's snapshot with which it came here in an epoch."""
        return self.folder / f"{_ARRIVAL}{epoch}"

    def remove_arrivals(self) -> None:
        """Forget the snapshots with which it came here."""
        for path in self.folder.glob(f"{_ARRIVAL}*"):
            _remove(path)

    def remove_snapshots(self) -> None:
        """Forget all checkpoints, and the snapshots with which it came here."""
        self.remove_checkpoints()
        self.remove_arrivals()

    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.lstat().st_size for path in self.folder.rglob("*"))

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _checkpoints(self) -> list[int]:
        found = (path.name.removeprefix(_CHECKPOINT) for path in self.folder.glob("checkpoint-*"))
        return sorted(int(number) for number in found if number.isdigit())

    def _write(self, name: str, plain: Any) -> None:
        sealed.write(self.folder / name, {}, [msgpack.packb(plain)])

    def _read(self, name: str) -> Any:
        content, _ = sealed.read(self.folder / name)
        return msgpack.unpackb(content, strict_map_key=False)


def _remove(path: Path) -> None:
    """Remove a file at once, and give back the memory and the blocks that it held in a thread.

    For 100 MB that takes 15 ms, for which a computation that moves would stand still.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # it is gone, or this process has no descriptor left
        path.unlink(missing_ok=True)
        return
    try:
        path.unlink(missing_ok=True)
    finally:
        threading.Thread(target=os.close, args=(descriptor,), name="remove", daemon=True).start()


class Store:
    """What is kept of all computations of this host, for this person's eyes only.

    Args:
        root: where, made if need be.
        checkpoint_limit: bytes that a checkpoint may have.
    """

    def __init__(self, root: Path, checkpoint_limit: int = CHECKPOINT_LIMIT) -> None:
        self._root: Final = root
        self._checkpoint_limit = checkpoint_limit
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def of(self, name: str) -> Kept:
        """What is kept of the computation ``name``; begun if there is nothing yet."""
        return Kept(self._root / name, self._checkpoint_limit)

    def __iter__(self) -> Iterator[str]:
        """The names of which something is kept."""
        return iter(sorted(path.name for path in self._root.iterdir() if path.is_dir()))

    def expire(
        self,
        *,
        keep: Collection[str] = (),
        seconds: float = KEEP_SECONDS,
        size: int = KEEP_BYTES,
        now: float | None = None,
    ) -> list[str]:
        """Remove finished computations that are too old, or too many bytes, the oldest first.

        Args:
            keep: names to keep in any case.
            seconds: how long after its end one is kept.
            size: bytes that all finished ones may have together.
            now: the time, in POSIX seconds; None is the clock's.

        Returns:
            The names that were removed.
        """
        now = time.time() if now is None else now
        kept = (self.of(name) for name in self if name not in keep)
        finished = [one for one in kept if one.is_finished]
        ended = {one: (one.folder / "result").stat().st_mtime for one in finished}
        removed, used = [], 0
        for one in sorted(finished, key=ended.__getitem__, reverse=True):
            used += one.size()
            if now - ended[one] > seconds or used > size:
                one.remove()
                removed.append(one.folder.name)
        return sorted(removed)
