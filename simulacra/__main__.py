"""``python -m simulacra`` is the command line."""

from simulacra.cli.entry import run

run()
