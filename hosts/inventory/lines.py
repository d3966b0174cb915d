"""On which line of a TOML file the value of a key begins: no parser of TOML keeps that."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

from simulacra.hosts.inventory.problems import Path

_HEADER: Final = re.compile(r"\s*(\[[^\[\]]+\])\s*(#.*)?")
_PART: Final = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_KEY: Final = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")


class Lines:
    """The lines of a file that TOML's grammar takes."""

    def __init__(self, text: str) -> None:
        self._at: dict[Path, int] = {}
        self._of: dict[int, Path] = {}
        table: Path = ()
        for number, line in enumerate(text.splitlines(), 1):
            if header := _HEADER.fullmatch(line):
                table = _path(header[1])
                self._add(table, number)
            elif key := _KEY.match(line):
                self._add((*table, *_path(f"{key[1]} = 0")), number)

    def line(self, path: Path) -> int:
        """The line of a value, or of the nearest table around it; 0 where there is none."""
        for length in range(len(path), 0, -1):
            if number := self._at.get(path[:length]):
                return number
        return 0

    def path(self, line: int) -> Path:
        """The last key that begins on a line or before it."""
        return next((self._of[n] for n in range(line, 0, -1) if n in self._of), ())

    def _add(self, path: Path, number: int) -> None:
        # What only looks like a key, in a text of several lines, comes later than the key.
        if path:
            self._at.setdefault(path, number)
            self._of[number] = path


def _path(line: str) -> Path:
    """The keys of a line of TOML that has one way into one table."""
    try:
        inner: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    path: Path = ()
    while isinstance(inner, dict) and inner:
        path += (next(iter(inner)),)
        inner = inner[path[-1]]
    return path
