"""The kinds of events, by which hooks and programs tell what happened."""

from __future__ import annotations

from typing import Final, Literal, get_args

Kind = Literal[
    "host.joined",
    "host.lost",
    "host.asleep",
    "host.awake",
    "host.detached",
    "host.rejoins",
    "host.left",
    "host.admitted",
    "host.expelled",
    "owner.named",
    "master.changed",
    "focus.kept",
    "split.begun",
    "split.healed",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
EVERY: Final = "*"
"""What stands for all of them where a hook is set."""
