"""A command's process: what it imports is imported in here, so that Ctrl-C is clean then, too."""

from __future__ import annotations

import sys

_INTERRUPTED = 130  # as `ExitCode` has it, which may not be imported yet


def run() -> None:
    """Run the command line of this process and exit."""
    try:
        from simulacra.cli.main import run as run_words  # noqa: PLC0415

        run_words()
    except KeyboardInterrupt:
        sys.stderr.write("simulacra: interrupted\n")
        sys.exit(_INTERRUPTED)
