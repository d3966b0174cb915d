"""Count words over the files of a folder: simulacra spawn word_count.py nas:/srv/texts.

Each file is one step. What is counted is in ``ctx.state``, so it moves, and survives a crash.
"""

from simulacra.actors.compute.context import Context

Counts = dict[str, int]


def main(ctx: Context, folder: str, pattern: str = "*.txt") -> Counts:
    """Words and how often each occurs in the folder's files."""
    counts: Counts = ctx.state.setdefault("counts", {})
    for path in ctx.steps("files", ctx.path(folder).glob(pattern)):
        # Read first, count then: there is no safe point between, so a file counts once.
        for word in path.read_text().split():
            counts[word] = counts.get(word, 0) + 1
    return counts
