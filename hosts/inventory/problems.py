"""What is wrong with an inventory: each problem with the key that it stands at."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys of tables, and from 0 the places in lists."""

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: to the value that is to be changed; empty for the whole file.
        text: what is there, and what was expected.
        line: of the file, from 1; 0 where that is not known.
    """

    path: Path
    text: str
    line: int = 0

    def __str__(self) -> str:
        where = f" (line {self.line})" if self.line else ""
        return f"{shown(self.path) or 'the file'}{where}: {self.text}"


class InventoryError(ValueError):
    """An inventory cannot be used.

    Attributes:
        problems: all that is wrong, as far as one reading can tell.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def shown(path: Path) -> str:
    """A path as TOML writes it, as in ``hosts.nas.endpoints[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else f'"{part}"')
    return text


def is_within(path: Path, other: Path) -> bool:
    """Whether a path is another one, or leads further into what that is."""
    return path[: len(other)] == other
