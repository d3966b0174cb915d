"""How far trees are on their way, as ``detach``, ``rejoin`` and ``tree sync`` show it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from simulacra.actors.units import show_age, show_size
from simulacra.cli import output
from simulacra.cli.options import Common

if TYPE_CHECKING:
    from rich.progress import Progress


class Shower(Protocol):
    """Shows how far trees are, on stderr."""

    def show(self, progress: dict[str, Any]) -> None:
        """Show what a node says of one."""

    def pause(self) -> None:
        """Have all that was shown stand there, before something else is written."""


class _Quiet:
    def show(self, progress: dict[str, Any]) -> None:
        pass

    def pause(self) -> None:
        pass


class _Lines:
    """One line for each tree and each thing that is new about it."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def show(self, progress: dict[str, Any]) -> None:
        text = _progress(progress)
        if self._said.get(progress["tree"]) != text:
            self._said[progress["tree"]] = text
            output.message(text)

    def pause(self) -> None:
        pass


class _Bars:
    """A bar for each tree, of the files that were missing at first."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, Any] = {}
        self._most: dict[str, int] = {}

    def show(self, progress: dict[str, Any]) -> None:
        tree, left = progress["tree"], progress["files"]
        if tree not in self._tasks:
            self._tasks[tree] = self._bars.add_task(tree)
        most = self._most[tree] = max(1, left, self._most.get(tree, 1))
        self._bars.update(
            self._tasks[tree],
            description=_progress(progress),
            total=most,
            completed=most if progress["verdict"] == "ready" else most - max(left, 1),
        )

    def pause(self) -> None:
        self._bars.refresh()


@contextmanager
def shower(common: Common) -> Iterator[Shower]:
    """Show nothing beside JSON, bars on a terminal, and lines elsewhere."""
    if common.json:
        yield _Quiet()
    elif output.is_colourful():
        from rich.console import Console  # noqa: PLC0415 (only a terminal pays for it)
        from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

        columns = (BarColumn(20), TextColumn("{task.description}", markup=False))
        with Progress(*columns, console=Console(stderr=True)) as bars:
            yield _Bars(bars)
    else:
        yield _Lines()


def _progress(progress: dict[str, Any]) -> str:
    tree = progress["tree"]
    if progress["verdict"] == "ready":
        return f"{tree}: all of it is here"
    if progress["verdict"] == "stuck":
        return f"{tree}: {progress['why']}"
    if not progress["files"]:
        return f"{tree}: {progress['why']}"
    left = progress["seconds_left"]
    about = "" if left is None else f", about {show_age(left)} to go"
    return f"{tree}: {progress['files']} files, {show_size(progress['size'])} to come{about}"
