"""Text that two sides changed, merged by lines where their changes do not touch.

Text is UTF-8 of up to `LARGEST` bytes without a NUL. A line ends with LF, and what is before it
belongs to the line, a CR too: where one side changed the line endings of the whole file, every line
is changed, and so is a last line that got its newline. Such a file merges with nothing that the
other side changed, and both are kept. Changes that touch, with no unchanged line between them, do
not merge either: what is next to each other is read together.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import Match, SequenceMatcher
from io import BytesIO
from itertools import accumulate
from typing import Final

from merge3 import Merge3

LARGEST: Final = 1024 * 1024
"""Bytes of each version of a text that is merged."""

_MOST_STEPS: Final = 10_000_000
"""Comparing that takes more is given up: a second or two, where most texts take milliseconds."""


class _TooLongError(Exception):
    """Comparing takes too long."""


class _Matcher(SequenceMatcher[bytes]):
    """Compares lines as difflib does, which with many alike may take hours, but not for long.

    To find the longest match in a range takes a step for each pair of equal lines in it.
    """

    b2j: dict[bytes, list[int]]

    def __init__(self, isjunk: None, a: Sequence[bytes], b: Sequence[bytes]) -> None:
        super().__init__(isjunk, a, b)
        self._pairs = [0, *accumulate(1 + len(self.b2j.get(line, ())) for line in a)]
        self._left = _MOST_STEPS

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        self._left -= self._pairs[len(self._pairs) - 1 if ahi is None else ahi] - self._pairs[alo]
        if self._left < 0:
            raise _TooLongError
        return super().find_longest_match(alo, ahi, blo, bhi)


def merge_texts(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """Both sides' changes to a text in one.

    Args:
        base: what both began with.
        ours: what one made of it.
        theirs: what the other did. Which is which makes no difference.

    Returns:
        The merged text; None where their changes touch, where one of the three is no text, and
        where comparing them takes too long.
    """
    if not all(map(is_text, (base, ours, theirs))):
        return None
    of_base, a, b = [BytesIO(text).readlines() for text in (base, ours, theirs)]
    merged: list[bytes] = []
    try:
        # To mypy a list of Match is no list of tuples.
        merging = Merge3(of_base, a, b, sequence_matcher=_Matcher)  # type: ignore[arg-type]
        for group in merging.merge_groups():
            if group[0] == "conflict":
                return None
            merged += group[1]
    except _TooLongError:
        return None
    return b"".join(merged)


def is_text(data: bytes) -> bool:
    """Whether this is a text, see the module."""
    if len(data) > LARGEST or b"\0" in data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
