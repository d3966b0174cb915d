"""What is asked of the guard, the small script that takes a host back unless it is told not to.

`guard.sh` is sent with every call and put beside what it knows; what it is told are words of
their own, quoted for the shell at the other end.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from importlib import resources
from typing import Final

from simulacra.hosts.deploy.rollout import Seen

NOT_ARMED: Final = 4
"""Its exit code where the timer has gone off, or another deploy has armed it."""

_PUT: Final = (
    "set -e; umask 077; d=/run/simulacra-deploy; mkdir -p $d; cat >$d/guard.new; "
    'mv $d/guard.new $d/guard; exec /bin/sh $d/guard "$@"'
)


def script() -> str:
    """Return the guard's text."""
    return (resources.files(__package__) / "guard.sh").read_text()


def command(words: Sequence[str], *, sudo: bool) -> str:
    """Return what a shell on the host is to run, with the guard's text as its input."""
    root = ["sudo", "-n"] if sudo else []
    return shlex.join([*root, "/bin/sh", "-c", _PUT, "guard", *words])


def parse(text: str) -> Seen:
    """Read what ``look`` prints.

    Raises:
        ValueError: it is something else.
    """
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    missing = {"system", "profile", "generation"} - found.keys()
    if missing or not found["generation"].isdecimal():
        raise ValueError(f"the host does not say its system: {text.strip()[:200] or 'nothing'!r}")
    return Seen(
        system=found["system"],
        profile=found["profile"],
        generation=int(found["generation"]),
        earlier=found.get("earlier", ""),
        owner=found.get("owner", ""),
        token=found.get("token", ""),
        begun="begun" in found,
        back=found.get("back", ""),
    )
