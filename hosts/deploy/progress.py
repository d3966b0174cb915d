"""Showing how far a deploy is: a table that changes on a terminal, a line a step elsewhere.

All of it goes to stderr; what a deploy says to stdout is its report.
"""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from simulacra.actors.units import show_age
from simulacra.hosts.deploy.rollout import GOOD, Rollout

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

_STYLES: Final = {True: "green", False: "red"}


class Progress(ABC):
    """Is told what happens, from several threads."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del kind, error, trace

    @abstractmethod
    def message(self, text: str) -> None:
        """Show a line."""

    @abstractmethod
    def doing(self, host: str, what: str, waiting: str = "") -> None:
        """Show what is done with a host, and what is waited for in it."""

    @abstractmethod
    def ended(self, rollout: Rollout) -> None:
        """Show how a host ended."""


class Lines(Progress):
    """A line for each step, and for each thing that is waited for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, str] = {}

    def message(self, text: str) -> None:
        """Write a line."""
        with self._lock:
            sys.stderr.write(f"simulacra: {text}\n")
            sys.stderr.flush()

    def doing(self, host: str, what: str, waiting: str = "") -> None:
        """Write a line where it is another step than the last."""
        # What is waited for may change with every look, and is told in the end.
        if self._last.get(host) == what:
            return
        self._last[host] = what
        self.message(f"{host}: {what}" + (f": {waiting}" if waiting else ""))

    def ended(self, rollout: Rollout) -> None:
        """Write a line."""
        self.message(f"{rollout.host}: {_how(rollout)}")


class Screen(Progress):
    """A table of the hosts under way, below lines about those that ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosts: dict[str, tuple[str, str, float]] = {}
        self._live: Live | None = None

    def __enter__(self) -> Self:
        from rich.console import Console  # noqa: PLC0415 (only a terminal pays for it)
        from rich.live import Live  # noqa: PLC0415

        self._live = Live(
            console=Console(stderr=True, highlight=False),
            get_renderable=self._table,
            refresh_per_second=4,
            transient=True,
        )
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def message(self, text: str) -> None:
        """Print a line above the table."""
        self._print(text, "")

    def doing(self, host: str, what: str, waiting: str = "") -> None:
        """Have the host's row say it."""
        with self._lock:
            known = self._hosts.get(host)
            since = known[2] if known and known[0] == what else time.monotonic()
            self._hosts[host] = (what, waiting, since)

    def ended(self, rollout: Rollout) -> None:
        """Take the host's row away, and print a line."""
        with self._lock:
            self._hosts.pop(rollout.host, None)
        self._print(f"{rollout.host}: {_how(rollout)}", _STYLES[rollout.outcome in GOOD])

    def _print(self, text: str, style: str) -> None:
        from rich.text import Text  # noqa: PLC0415

        if self._live is not None:
            self._live.console.print(Text(text, style=style))

    def _table(self) -> Table:
        from rich.table import Table  # noqa: PLC0415

        drawn = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        with self._lock:
            shown = sorted(self._hosts.items())
        now = time.monotonic()
        for host, (what, waiting, since) in shown:
            drawn.add_row(host, what, show_age(now - since), waiting)
        return drawn


def _how(rollout: Rollout) -> str:
    return f"{rollout.outcome}" + (f": {rollout.why}" if rollout.why else "")
