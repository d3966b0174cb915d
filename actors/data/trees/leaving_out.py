"""What is known and not to be on this disk, on its way from it.

After a crash it must not seem that somebody deleted it. So the journal is told on the disk what is
about to go (`Journal.leaving`), and at the next start what of that is gone is forgotten. As that
takes a commit, many go together: they are gathered, as if they were gone already, until something
else is to be done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, TypeGuard

from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.gripping import look
from simulacra.actors.data.applying.refusals import RefusedError
from simulacra.actors.data.entries import Entry, Path, name, parent
from simulacra.actors.data.reconciling.actions import Action, Remove
from simulacra.actors.data.reconciling.index import Row
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.keeper import Keeper

MOST: Final = 500
"""So many go together."""


class LeavingOut:
    """See the module.

    Args:
        journal: what is known.
        keeper: told what goes because of that.
        leaves_out: whether something is known, and not to be on this disk.
    """

    def __init__(
        self, journal: Journal, keeper: Keeper, leaves_out: Callable[[Path, Entry], bool]
    ) -> None:
        self._journal = journal
        self._keeper = keeper
        self._leaves_out = leaves_out
        self._gathered: deque[tuple[Remove, Row]] = deque()

    def __len__(self) -> int:
        return len(self._gathered)

    def concerns(self, action: Action) -> TypeGuard[Remove]:
        """Whether an action takes away what is left out."""
        return isinstance(action, Remove) and self._leaves_out(action.path, action.expected)

    def gather(self, action: Remove) -> None:
        """Have an action that this concerns be done with the next ones."""
        row = self._journal.row(action.path)
        if row is not None:
            self._gathered.append((action, row))
            self._journal.drop_row(action.path)

    def give_up(self) -> None:
        """Have nothing go of what was gathered."""
        self._show_again()
        self._gathered.clear()

    def go(self, remove: Callable[[Remove], bool], stopping: Callable[[], bool]) -> None:
        """Take away what was gathered.

        Args:
            remove: does it; False if the disk refuses.
            stopping: whether to stop after the one in hand.

        Raises:
            sqlite3.Error: the disk does not take what is to be kept.
        """
        self._show_again()
        self._journal.leaving = tuple(action.path for action, _ in self._gathered)
        self._journal.commit()
        try:
            while self._gathered and not stopping():
                action, row = self._gathered.popleft()
                self._keeper.going = action.path
                self._journal.drop_row(action.path)  # now: if something goes wrong it may be gone
                if not remove(action):
                    self._journal.set_row(action.path, row)
        finally:
            self._keeper.going = None
            self._journal.leaving = ()
            self._gathered.clear()

    def _show_again(self) -> None:
        for action, row in self._gathered:
            self._journal.set_row(action.path, row)


def recover(journal: Journal, folders: Folders) -> None:
    """After a crash, forget what was about to go and is gone.

    Raises:
        sqlite3.Error: the disk does not take it.
    """
    if not journal.leaving:
        return
    for path in journal.leaving:
        if _is_gone(folders, path):
            journal.drop_row(path)
    journal.leaving = ()
    journal.commit()


def _is_gone(folders: Folders, path: Path) -> bool:
    """Whether nothing is at a path; also where nobody can tell, as it must not seem deleted."""
    try:
        return look(folders.open(parent(path)), name(path)) is None
    except (RefusedError, OSError):
        return True
