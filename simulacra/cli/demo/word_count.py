"""Count words, and which follows which, over the books of a folder, which may be another host's.

Each book is one step. What is counted is in ``ctx.state``: it moves, and survives a crash.
"""

from simulacra.actors.compute.context import Context


def main(ctx: Context, books: str) -> dict[str, int | dict[str, int]]:
    """Count words and pairs of them, whatever their case and punctuation."""
    words: dict[str, int] = ctx.state.setdefault("words", {})
    pairs: dict[str, int] = ctx.state.setdefault("pairs", {})
    done = ctx.state.setdefault("done", 0)
    print(f"on {ctx.host}: {done} books are counted already", flush=True)
    for book in ctx.steps("books", ctx.path(books).glob("*.txt")):
        last = ""
        for text in book.read_text().split():
            word = text.strip(".,;").lower()
            pair = f"{last} {word}"
            words[word] = words.get(word, 0) + 1
            pairs[pair] = pairs.get(pair, 0) + 1
            last = word
        ctx.state.done += 1
        if ctx.state.done % 20 == 0:
            print(f"on {ctx.host}: {ctx.state.done} books", flush=True)
    frequent = sorted(pairs, key=lambda pair: (-pairs[pair], pair))[:3]
    return {
        "books": ctx.state.done,
        "words": sum(words.values()),
        "different pairs": len(pairs),
        "most frequent": {pair: pairs[pair] for pair in frequent},
    }
