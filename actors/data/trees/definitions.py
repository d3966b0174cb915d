"""Which trees this host has: kept in a file, and read back when the node starts."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path as FilePath
from typing import Any, Final

from simulacra.actors.data.scanning.ignoring import EVERYTHING, Choice
from simulacra.actors.data.trees.roots import ROOTS, write_roots
from simulacra.actors.private_files import replace_private

logger = logging.getLogger(__name__)

KEEP_BYTES: Final = 2 << 30
KEEP_SECONDS: Final = 30 * 24 * 3600.0


class DefinitionError(Exception):
    """The file of definitions cannot be used; says what to do."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A tree that this host has.

    Attributes:
        id: tells it from others of its name.
        name: what it is called.
        root: where it is on this host's disk.
        origin: whether it was made a tree here, so that nobody has to be heard first.
        include: patterns of what is wanted here; none for everything. Where there is little room,
            of what is wanted in any case.
        exclude: patterns of what is not.
        largest: bytes that a file may have that is wanted here; None for any.
        room: bytes that its files may have here together; None for any.
        recent: seconds for which what was used here stays, also where there is no room.
        rate: bytes a second that it may fetch; None for any.
        paused: whether it is left as it is for now.
        keep_bytes: bytes that the versions may have that are kept here.
        keep_seconds: how old one may be.
    """

    id: str
    name: str
    root: str
    origin: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    largest: int | None = None
    room: int | None = None
    recent: float | None = None
    rate: int | None = None
    paused: bool = False
    keep_bytes: int = KEEP_BYTES
    keep_seconds: float = KEEP_SECONDS

    @property
    def is_complete(self) -> bool:
        """Whether all of the tree is wanted here."""
        return self.choice() is EVERYTHING and self.room is None

    def choice(self) -> Choice:
        """What of it is wanted here.

        Raises:
            ValueError: a pattern is none.
        """
        include = () if self.room is not None else self.include
        if not include and not self.exclude and self.largest is None:
            return EVERYTHING
        return Choice(include, self.exclude, self.largest)

    def hoard(self) -> Choice | None:
        """What of it has room here in any case; None for nothing.

        Raises:
            ValueError: a pattern is none.
        """
        if self.room is None or not self.include:
            return None
        return Choice(self.include)


FILE: Final = "trees.json"
"""Where a node keeps them, in the folder of its trees."""


class Definitions:
    """The file of definitions.

    Args:
        file: where.

    Raises:
        DefinitionError: it is damaged.
    """

    def __init__(self, file: FilePath) -> None:
        self._file = file
        self._by_id = {each.id: each for each in defined(file)}
        self._show()

    def all(self) -> list[Definition]:
        """All, by name."""
        return sorted(self._by_id.values(), key=lambda each: (each.name, each.id))

    def get(self, tree: str) -> Definition | None:
        """One, by its id."""
        return self._by_id.get(tree)

    def put(self, definition: Definition) -> None:
        """Have one from now on, or have it changed.

        Raises:
            OSError: it cannot be written; nothing is changed.
        """
        self._write({**self._by_id, definition.id: definition}.values())
        self._by_id[definition.id] = definition
        self._show()

    def remove(self, tree: str) -> None:
        """Have one no more.

        Raises:
            OSError: it cannot be written; nothing is changed.
        """
        self._write(each for each in self._by_id.values() if each.id != tree)
        self._by_id.pop(tree, None)
        self._show()

    def _show(self) -> None:
        """Say to the shell's hook where trees are; in one that is paused nothing runs elsewhere."""
        try:
            write_roots(self._file.with_name(ROOTS), [d.root for d in self.all() if not d.paused])
        except OSError as error:
            logger.warning("the shell's hook does not see where trees are: %s", error)

    def _write(self, definitions: Iterable[Definition]) -> None:
        replace_private(self._file, json.dumps([asdict(each) for each in definitions], indent=1))


def defined(file: FilePath) -> list[Definition]:
    """What a file of definitions says, for who changes nothing; also while no node is up.

    Raises:
        DefinitionError: it is damaged.
    """
    try:
        return [_definition(**each) for each in json.loads(file.read_text())]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, OSError) as error:
        raise DefinitionError(
            f"{file} cannot be read, so no tree is kept in step: {error}. Put it right, or remove "
            "it and say again what this host has: simulacra tree follow NAME PATH"
        ) from error


def _definition(**plain: Any) -> Definition:
    definition = Definition(**plain)
    return replace(definition, include=tuple(definition.include), exclude=tuple(definition.exclude))
