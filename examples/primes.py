"""Count primes: simulacra spawn primes.py --arg below=3000000."""

from simulacra.actors.compute.context import Context


def main(ctx: Context, below: int) -> int:
    """How many primes there are, block by block."""
    ctx.state.setdefault("primes", 0)
    for start in ctx.steps("blocks", range(0, below, 10_000)):
        block = range(max(start, 2), start + 10_000)
        ctx.state.primes += sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in block)
        print(f"{ctx.host}: {ctx.state.primes} primes below {start + 10_000}", flush=True)
    return int(ctx.state.primes)
