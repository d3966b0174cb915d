"""Snapshots: everything that a computation takes along, in one sequence of bytes.

A snapshot holds the state, the positions of the loops, and the numbers of the last mail consumed
and sent, all as of one safe point. For a checkpoint the worker writes it into a memfd and passes
the descriptor; for a move, in which it stands still meanwhile, it lays it out in its own memory
(see `exposed`). The node copies the bytes to disk or to another host without looking into them,
and the next worker reads them from a descriptor again. The first byte says how the rest is
written, as in `values`: ``p`` pickle, fast and for the same Python, or ``m`` msgpack, for any.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, field
from typing import Any, Final

import msgpack

from simulacra.actors.compute.exposed import Exposed
from simulacra.actors.compute.values import (
    PICKLED,
    PLAIN,
    CannotPackError,
    Writable,
    dump,
    is_plain,
)

_NAMES: Final = ("state", "version", "the loops", "consumed", "sent")


class SnapshotError(ValueError):
    """A snapshot cannot be read: not one, or of another version."""


@dataclass(slots=True)
class Snapshot:
    """What a computation takes along.

    Attributes:
        state: ``ctx.state`` as a dict, an actor's attributes, or what its ``save()`` returned.
        version: the version ``save()`` wrote, for ``load(state, version)``; 0 without ``save``.
        loops: positions of `ctx.steps` (see `steps`).
        consumed: the number of the last mail received.
        sent: the number of the last mail sent.
    """

    state: Any = field(default_factory=dict)
    version: int = 0
    loops: dict[str, Any] = field(default_factory=dict)
    consumed: int = 0
    sent: int = 0

    def _values(self) -> list[Any]:
        return [self.state, self.version, self.loops, self.consumed, self.sent]

    def is_plain(self) -> bool:
        """Whether the snapshot can be read by another Python version or architecture."""
        return is_plain(self._values())

    def write(self, *, portable: bool = False) -> int:
        """Write the snapshot into a memfd, whose descriptor is the caller's to close.

        Args:
            portable: whether any Python must be able to read it.

        Raises:
            CannotPackError: a part of it cannot move, or is not plain though that was asked for.
        """
        fd = os.memfd_create("simulacra-snapshot")
        try:
            with os.fdopen(fd, "wb", closefd=False) as file:
                self._write(file, portable=portable)
        except BaseException:
            os.close(fd)
            raise
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def expose(self, *, portable: bool = False) -> Exposed:
        """Lay the snapshot out in this process's memory, large parts where they are already.

        Arguments and errors as for `write`.
        """
        file = Exposed()
        self._write(file, portable=portable)
        return file

    def _write(self, file: Writable, *, portable: bool) -> None:
        if portable:
            self._check_portable()
            file.write(PLAIN)
            file.write(msgpack.packb(self._values()))
        else:
            file.write(PICKLED)
            dump(self._values(), file, _NAMES)

    def _check_portable(self) -> None:
        parts = self.state.items() if isinstance(self.state, dict) else [("", self.state)]
        for name, value in parts:
            if not is_plain(value):
                raise CannotPackError(
                    f"state.{name} is a {type(value).__name__}, no plain data, and plain data"
                    " alone moves to another Python version or architecture: keep it as lists,"
                    " dicts, numbers and text, or give the code save() and load()"
                )
        if not is_plain(self.loops):
            raise CannotPackError(
                "the items of ctx.steps are no plain data, and plain data alone moves to another"
                " Python version or architecture: iterate over text or numbers"
            )

    @classmethod
    def read(cls, fd: int) -> Snapshot:
        """Read a snapshot from a descriptor, which this closes; only in a worker.

        Raises:
            SnapshotError: it is no snapshot, or one of another Python version.
        """
        with os.fdopen(fd, "rb") as file:
            form = file.read(1)
            try:
                if form == PLAIN:
                    return cls(*msgpack.unpackb(file.read(), strict_map_key=False))
                if form == PICKLED:
                    return cls(*pickle.load(file))
            except Exception as error:
                raise SnapshotError(
                    f"the snapshot cannot be read: {error!r}. It was written by other code or"
                    " another Python; start the computation anew, or use save() and load()"
                ) from error
        raise SnapshotError("this is no snapshot: its first byte is unknown")
