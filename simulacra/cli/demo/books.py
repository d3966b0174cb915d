"""The files of the demo: books of made-up sentences, and what is in them, counted directly."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

BOOKS: Final = 110
"""How many books there are."""

_SENTENCES: Final = 500
_LINES: Final = 3200
_ADJECTIVES: Final = (
    "old",
    "white",
    "great",
    "little",
    "cold",
    "silent",
    "distant",
    "wooden",
    "golden",
    "last",
)
_NOUNS: Final = (
    "captain",
    "whale",
    "ship",
    "boat",
    "sailor",
    "island",
    "storm",
    "harbour",
    "lantern",
    "wind",
    "morning",
)
_VERBS: Final = (
    "followed",
    "watched",
    "carried",
    "remembered",
    "called",
    "left",
    "crossed",
    "found",
    "lost",
)
_TIMES: Final = ("before", "after", "during", "without", "beyond", "toward", "despite", "under")


def write_books(folder: Path, books: int = BOOKS) -> int:
    """Write the books and return how many bytes they have together.

    Args:
        folder: Where; it is made.
        books: How many; what is in them is the same every time.
    """
    chance = random.Random(1851)  # noqa: S311 (stories, no secrets)
    pick = chance.choice

    def clause() -> str:
        return (
            f"the {pick(_ADJECTIVES)} {pick(_NOUNS)} {pick(_VERBS)} the {pick(_NOUNS)}"
            f" {pick(_TIMES)} the {pick(_NOUNS)}"
        )

    sentences = [f"{clause()}, and {clause()}.\n".capitalize() for _ in range(_SENTENCES)]
    folder.mkdir(parents=True)
    size = 0
    for number in range(books):
        text = "".join(chance.choices(sentences, k=_LINES))
        size += (folder / f"book-{number:03}.txt").write_text(text)
    return size


def count_directly(folder: Path) -> dict[str, Any]:
    """Count what `word_count` counts, in another way and without stopping."""
    pairs: Counter[tuple[str, str]] = Counter()
    books = sorted(folder.glob("*.txt"))
    for book in books:
        words = book.read_text().lower().replace(",", "").replace(".", "").split()
        pairs.update(pairwise(["", *words]))
    found = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    return {
        "books": len(books),
        "words": pairs.total(),
        "different pairs": len(pairs),
        "most frequent": {" ".join(pair): count for pair, count in found[:3]},
    }
