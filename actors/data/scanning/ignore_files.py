"""Reading the ignore files of a tree, and what they make the rules of a folder.

An ignore file that cannot be read, or is a symbolic link, holds its whole folder: without the rules
nothing of it is to be sent.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from simulacra.actors.data.entries import Path
from simulacra.actors.data.scanning.attributes import Descent, open_file
from simulacra.actors.data.scanning.ignoring import IGNORE_FILE, Choice, Patterns, Rules
from simulacra.actors.data.scanning.looking import NotReadError, Reason, not_read

IGNORE_FILE_LIMIT: Final = 2**20
"""Bytes that an ignore file may have."""


class IgnoreFiles:
    """The ignore files of a tree, read anew each time.

    Args:
        descent: into the tree.
        choice: what this host wants of it.
    """

    def __init__(self, descent: Descent, choice: Choice) -> None:
        self._descent = descent
        self._choice = choice

    def rules_above(self, folder: Path) -> Rules | None:
        """The rules of all folders above one; None if it is ignored.

        Raises:
            NotReadError: one of them cannot be entered, or its ignore file not be read.
        """
        rules, names = Rules(self._choice), folder.split(b"/") if folder else []
        for depth in range(len(names)):
            above = b"/".join(names[:depth])
            patterns = patterns_in(self._open(above))
            rules = rules.below(above, patterns) if patterns else rules
            if rules.ignores(b"/".join(names[: depth + 1]), folder=True, chosen=True):
                return None
        return rules

    def rules_in(self, folder: Path) -> Rules | None:
        """The rules in a folder; None if it is ignored. Raises as `rules_above`."""
        rules = self.rules_above(folder)
        if rules is None:
            return None
        patterns = patterns_in(self._open(folder))
        return rules.below(folder, patterns) if patterns else rules

    def _open(self, folder: Path) -> int:
        try:
            return self._descent.open(folder)
        except OSError as error:
            raise not_read(error) from error


def patterns_in(folder: int) -> Patterns | None:
    """The patterns of an open folder's ignore file; None without one. Raises NotReadError."""
    try:
        descriptor = open_file(IGNORE_FILE, folder)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return None
        if error.errno == errno.EACCES:  # as likely of the folder
            raise not_read(error) from error
        raise NotReadError(Reason.RULES_UNREADABLE, os.strerror(error.errno or 0)) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotReadError(Reason.RULES_UNREADABLE, "it is no file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            text = file.read(IGNORE_FILE_LIMIT + 1)
    except OSError as error:
        raise NotReadError(Reason.RULES_UNREADABLE, os.strerror(error.errno or 0)) from error
    finally:
        os.close(descriptor)
    if len(text) > IGNORE_FILE_LIMIT:
        raise NotReadError(Reason.RULES_UNREADABLE, f"it has more than {IGNORE_FILE_LIMIT} bytes")
    return Patterns(os.fsdecode(text))
