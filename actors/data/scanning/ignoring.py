"""What of a tree is ignored here: neither sent, nor deleted anywhere because it is not here.

- An *ignore file*, `IGNORE_FILE`, in any folder of the tree: patterns as in git's ``.gitignore``
  (``man gitignore``), for that folder and what is below it. It is a file of the tree as any other,
  so that all hosts have the same ones.
- A *choice* of this host (`Choice`): patterns to exclude, patterns to include, the largest size.

As in git the last pattern that matches decides, those of a deeper folder later than those above;
and what is in an ignored folder is ignored, whatever is said of it. A choice's word cannot be taken
back by an ignore file. Patterns to include select files and links alone: folders are small, and
what is included may be in them.

Names are matched as Python decodes them from the file system, so that any bytes can be matched, and
``?`` is one character (for git it is one byte).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from simulacra.actors.data.entries import Path

IGNORE_FILE: Final = b".simulacraignore"

_ANYWHERE: Final = "^(?:.+/)?"
"""How pathspec begins what git matches with names alone."""
_ALIKE: Final = {".": "?*", "(?P<ps_d>/)": "?*/", "/": "/?*/**"}
"""pathspec shortens patterns that match nearly everything; these say the same at full length."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A line that is no pattern; it matches nothing.

    Attributes:
        line: its number, from 1.
        text: what stands there.
    """

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class _Pattern:
    regex: re.Pattern[str]
    ignores: bool
    by_name: bool
    inside: bool

    def matches(self, path: str, name: str) -> bool:
        """Whether it is this path that matches, not a folder that it is in."""
        tried = name if self.by_name else path
        match = self.regex.search(tried)
        return match is not None and (match.end() < len(tried)) == self.inside


class Patterns:
    """The patterns of one ignore file, or of a list.

    Args:
        text: its lines.

    Attributes:
        mistakes: lines that are no patterns.
    """

    def __init__(self, text: str) -> None:
        patterns, mistakes = [], []
        for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
            try:
                pattern = _compile(line)
            except (ValueError, re.error):
                mistakes.append(Mistake(number, line))
            else:
                patterns += [pattern] if pattern else []
        self._last_first: Final = patterns[::-1]
        self.mistakes: Final = tuple(mistakes)
        # Two searches say of most paths that nothing matches.
        self._any_name: Final = _any(each for each in patterns if each.by_name)
        self._any_path: Final = _any(each for each in patterns if not each.by_name)

    def ignores(self, path: str) -> bool | None:
        """What they say of a path relative to their folder; None when nothing.

        Args:
            path: with a ``/`` at its end if it is a folder.
        """
        name = path[path.rfind("/", 0, -1) + 1 :]
        if not (self._any_name.search(name) or self._any_path.search(path)):
            return None
        return next((each.ignores for each in self._last_first if each.matches(path, name)), None)


def _compile(line: str) -> _Pattern | None:
    bare = line.rstrip("\r")
    if bare.endswith("/**/"):  # pathspec takes the folder itself for one of those inside
        bare += "*/"
    regex, ignores = GitIgnoreSpecPattern.pattern_to_regex(bare)
    if regex is None or ignores is None:
        return None
    if regex in _ALIKE:
        bare = _ALIKE[regex]
        regex, _ = GitIgnoreSpecPattern.pattern_to_regex(bare)
    text, bare = str(regex), bare.strip()
    by_name = text.startswith(_ANYWHERE) and "/" not in bare.removesuffix("/")
    if by_name:
        text = "^" + text.removeprefix(_ANYWHERE)
    return _Pattern(re.compile(text, re.DOTALL), ignores, by_name, bare.endswith("/**"))


def _any(patterns: Iterable[_Pattern]) -> re.Pattern[str]:
    unnamed = (each.regex.pattern.replace("?P<ps_d>", "?:") for each in patterns)
    return re.compile("|".join(dict.fromkeys(unnamed)) or "(?!)", re.DOTALL)


class Choice:
    """What this host wants of a tree.

    Args:
        include: patterns; files and links that none matches are ignored. None wanted: all are.
        exclude: patterns; what they match is ignored.
        largest: bytes that a file may have; None is any size.

    Raises:
        ValueError: a line is no pattern; says which.
    """

    def __init__(
        self,
        include: tuple[str, ...] = (),
        exclude: tuple[str, ...] = (),
        largest: int | None = None,
    ) -> None:
        self.largest: Final = largest
        self._excluded = Patterns("\n".join(exclude))
        for patterns, given in ((self._excluded, exclude), (Patterns("\n".join(include)), include)):
            for mistake in patterns.mistakes:
                raise ValueError(f"{given[mistake.line - 1]!r} is no pattern: see man gitignore")
        self._included = GitIgnoreSpec.from_lines(include) if include else None

    def ignores(self, path: str) -> bool:
        """Whether it is not wanted by its name; as `Patterns.ignores`, relative to the root."""
        if self._excluded.ignores(path):
            return True
        if self._included is None or path.endswith("/"):
            return False
        return not self._included.match_file(path)


EVERYTHING: Final = Choice()


@dataclass(frozen=True, slots=True)
class Rules:
    """What is ignored in one folder and, until a folder has an ignore file of its own, below.

    Attributes:
        choice: this host's.
        files: of the ignore files from here up, the deepest first: how many characters of a path
            its folder takes, and its patterns.
    """

    choice: Choice = EVERYTHING
    files: tuple[tuple[int, Patterns], ...] = field(default=())

    @property
    def are_none(self) -> bool:
        """Whether nothing can be ignored by its name."""
        return not self.files and self.choice is EVERYTHING

    def below(self, folder: Path, patterns: Patterns) -> Rules:
        """The rules in a folder that has an ignore file."""
        skipped = len(os.fsdecode(folder)) + 1 if folder else 0
        return Rules(self.choice, ((skipped, patterns), *self.files))

    def ignores(self, path: Path, *, folder: bool, chosen: bool = False) -> bool:
        """Whether a path is ignored, given that the folder it is in is not.

        Args:
            path: the path.
            folder: whether it is a folder.
            chosen: it is here, whatever this host's choice says: the ignore files alone decide.
        """
        text = os.fsdecode(path) + ("/" if folder else "")
        if not chosen and self.choice.ignores(text):
            return True
        for skipped, patterns in self.files:
            said = patterns.ignores(text[skipped:])
            if said is not None:
                return said
        return False

    def ignore_way(self, path: Path, *, folder: bool) -> bool:
        """Whether a path or a folder that it is in is ignored, by these rules alone."""
        names = path.split(b"/")
        way = (b"/".join(names[:end]) for end in range(1, len(names)))
        return any(self.ignores(above, folder=True) for above in way) or (
            self.ignores(path, folder=folder)
        )
