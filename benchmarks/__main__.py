"""`python -m benchmarks`: measures the catalogue, prints the table, writes build/bench.json.

Exits 0 when every contender that could start gave its samples, 1 when one of ours failed,
2 on wrong usage. A target that does not hold is a figure, not a failure.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import track

from benchmarks import machine, report
from benchmarks.catalogue import CASES
from benchmarks.figures import figures
from benchmarks.harness import measure

RESULT = Path("build/bench.json")
_PLAIN_WIDTH = 150  # columns of the table in a file or a pipe


def main() -> int:
    """Runs the command line; returns the exit code."""
    options = _options()
    chosen = [
        case
        for case in CASES
        if options.area in (None, case.area) and (options.only or "") in case.name
    ]
    if not chosen:
        print(f"no case has {options.only!r} in its name; --list shows them", file=sys.stderr)
        return 2
    if options.list:
        for case in chosen:
            peers = ", ".join(against.peer.name for against in case.peers) or "no peer"
            print(f"{case.area}\t{case.name}\t{peers}")
        return 0
    console = Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
    progress = track(chosen, "measuring", console=Console(stderr=True), transient=True)
    rows = [row for case in progress for row in figures(case, measure(case, options.rounds))]
    report.show(rows, machine.describe(), console)
    if options.only is None:
        report.merge(RESULT, rows, {case.area for case in chosen})
    return 1 if any(row.ours is None for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--area", choices=sorted({case.area for case in CASES}))
    parser.add_argument(
        "--only", metavar="TEXT", help="cases with TEXT in the name; writes no file"
    )
    parser.add_argument("--rounds", type=_positive, help="at most so many counted rounds")
    parser.add_argument("--list", action="store_true", help="name the cases and stop")
    return parser.parse_args()


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
