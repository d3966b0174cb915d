"""Which git repositories a tree has here, and which were deleted: kept in a file.

A repository that was here and is not any more was *moved*, if the same git folder is somewhere else
in the tree, and else *deleted*. What was known of it then, its context, goes into its tombstone and
to all hosts: whatever knows no more than that is that deleted repository, and goes; whatever knows
more has gone on meanwhile, and stays. So the edit wins, as of files, and what was deleted does not
come back, whichever hosts meet in whatever order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Final

import msgpack

from simulacra.actors.cluster.lattice import Context, covers
from simulacra.actors.data.entries import Path
from simulacra.actors.private_files import replace_private

_SCHEMA: Final = 1
Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Known:
    """A repository that is here.

    Attributes:
        identity: the device and inode of its git folder.
        context: what was known of its replicas when it was looked at last.
    """

    identity: Identity
    context: Context


@dataclass(slots=True)
class Table:
    """See the module.

    Attributes:
        file: where it is kept.
        root: the device and inode of the tree's root; None before the first look.
        here: the repositories that are here.
        gone: the tombstones.
    """

    file: FilePath
    root: Identity | None = None
    here: dict[Path, Known] = field(default_factory=dict)
    gone: dict[Path, Context] = field(default_factory=dict)
    _saved: bytes = b""

    @classmethod
    def load(cls, file: FilePath) -> Table:
        """The table in a file; an empty one where there is none, or it is damaged."""
        try:
            packed = file.read_bytes()
            plain = msgpack.unpackb(packed, use_list=False)
            if plain["schema"] != _SCHEMA:
                return cls(file)
            return cls(
                file,
                plain["root"],
                {path: Known(*known) for path, *known in plain["here"]},
                dict(plain["gone"]),
                packed,
            )
        except FileNotFoundError:
            return cls(file)
        except (ValueError, TypeError, KeyError, msgpack.UnpackException):
            return cls(file)

    def save(self) -> None:
        """Put it on the disk, if it is another than the one that is there.

        Raises:
            OSError: the disk does not take it.
        """
        plain: dict[str, Any] = {
            "schema": _SCHEMA,
            "root": self.root,
            "here": [(path, one.identity, one.context) for path, one in sorted(self.here.items())],
            "gone": sorted(self.gone.items()),
        }
        packed = bytes(msgpack.packb(plain))
        if packed != self._saved:
            replace_private(self.file, packed)
            self._saved = packed

    def end(self, path: Path) -> None:
        """A repository is not here any more: note its tombstone, unless it was moved."""
        known = self.here.pop(path)
        if all(other.identity != known.identity for other in self.here.values()):
            self.bury(path, known.context)

    def bury(self, path: Path, context: Mapping[str, int]) -> None:
        """All that knows no more than this was deleted."""
        before = self.gone.get(path, {})
        replicas = sorted({*before, *context})
        self.gone[path] = {one: max(before.get(one, 0), context.get(one, 0)) for one in replicas}

    def is_deleted(self, path: Path, context: Mapping[str, int]) -> bool:
        """Whether a repository that knows this much was deleted."""
        return path in self.gone and covers(self.gone[path], context)
