"""What is measured: a case sets one program of ours beside any number of peers.

A contender is a program that speaks the line protocol of `benchmarks.program`. A case never
runs anything itself: `benchmarks.harness` does, `benchmarks.figures` makes rows of the samples.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum

from benchmarks import provision


class Better(StrEnum):
    """Which way a figure improves."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that can be measured.

    Attributes:
        name: what the table calls it; unique within its case.
        argv: the command; its standard input and output carry the line protocol.
        amount: operations (or bytes, as the program says) in one sample: what takes a few
            tenths of a second, so that a slow peer costs no more time than a fast one.
        provide: installs what the program needs; returns why it cannot run here, or None.
        patience: the seconds in which a sample is due.
    """

    name: str
    argv: tuple[str, ...]
    amount: int
    provide: Callable[[], str | None]
    patience: float = 120.0


class Spread(Enum):
    """A target that is no number, but what the peer's own samples differ by."""

    OF_PEER = "of peer"


@dataclass(frozen=True, slots=True)
class Against:
    """A peer, and the bound that ours / peer has to keep (None: reported only).

    With `Spread.OF_PEER` our median is to be no worse than the worst of the peer's samples: the
    bound is that sample over the peer's median.
    """

    peer: Contender
    target: float | Spread | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One figure of Simulacra, with the peers it is compared to.

    Attributes:
        area: the floor it belongs to (`make bench AREA=...`).
        name: the row's name, unique within the area.
        unit: of each sample, ours and the peers' alike.
        better: whether a lower or a higher sample is better.
        ours: the program of ours.
        peers: each peer makes one row; without any, one row with our figure alone.
        target: the bound on our figure itself, where there is no peer (None: reported only).
        rounds: how many samples of each contender count; fewer where one takes seconds.
        tail: whether the 99th percentile of the samples has a row too, which the target bounds; of
            fewer than 100 it is the worst. Only without peers.
    """

    area: str
    name: str
    unit: str
    better: Better
    ours: Contender
    peers: tuple[Against, ...] = ()
    target: float | None = None
    rounds: int = 7
    tail: bool = False

    def __post_init__(self) -> None:
        if self.peers and self.target is not None:
            raise ValueError(f"{self.name}: with peers the targets belong to them, not to the case")
        if self.peers and self.tail:
            raise ValueError(f"{self.name}: a tail is compared with no peer's")

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """Ours first, then the peers in order."""
        return (self.ours, *(against.peer for against in self.peers))


def python(name: str, command: str, amount: int = 1, packages: tuple[str, ...] = ()) -> Contender:
    """A contender written in Python: a module of `benchmarks.programs`.

    Args:
        name: what the table calls it.
        command: the module's name within `benchmarks.programs`, then its arguments.
        amount: as of `Contender`.
        packages: requirements (PEP 508) that the program needs beside Simulacra's own.
    """
    module, *arguments = command.split()
    path = f"benchmarks.programs.{module}"
    return Contender(
        name,
        (sys.executable, "-m", path, *arguments),
        amount,
        lambda: provision.module(path) or provision.packages(packages),
    )


def ours(command: str, amount: int = 1) -> Contender:
    """Simulacra's own side of a case: `python` under the name that the table gives it."""
    return python("simulacra", command, amount)
