"""The files of the demo: books of made-up sentences, and what is in them, counted directly."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

BOOKS: Final = 220
"""How many books there are."""

_SENTENCES: Final = 500
_LINES: Final = 3500
_VOCABULARY: Final = (
    "the and of a to in that it was his he but with as is for all this at by from not on so be"
    " one you there or now had have like were they which some when then upon into out more up no"
    " ship sea captain boat wind whale head hand old man time long world water night day way eyes"
    " great little good last white round deep over under before again never still almost"
)


def write_books(folder: Path, seed: int = 1851) -> int:
    """Write the books and return how many bytes they have together.

    Args:
        folder: Where; it is made.
        seed: Decides what is in them.
    """
    chance = random.Random(seed)  # noqa: S311 (stories, no secrets)
    words = _VOCABULARY.split()
    weights = [1 / place for place in range(1, len(words) + 1)]
    sentences = [
        ", ".join(
            " ".join(chance.choices(words, weights, k=chance.randint(3, 9))) for _ in range(2)
        ).capitalize()
        + ".\n"
        for _ in range(_SENTENCES)
    ]
    folder.mkdir(parents=True)
    size = 0
    for number in range(BOOKS):
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
