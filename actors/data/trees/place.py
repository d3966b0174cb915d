"""Where a tree is on this host: its root, and the folder of what the node keeps of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path as FilePath

from simulacra.actors.data.content.versions import CATALOGUE
from simulacra.actors.data.entries import VERSIONS


@dataclass(frozen=True, slots=True)
class Place:
    """One host's copy of a tree.

    Attributes:
        host: the host's name.
        root: the tree's root on its disk.
        state: where the node keeps what it knows of this tree.
        identity: the host's signing key, in hexadecimal; empty without one.
    """

    host: str
    root: FilePath
    state: FilePath
    identity: str = ""

    @property
    def journal(self) -> FilePath:
        """What is known of the tree."""
        return self.state / "journal.db"

    @property
    def redo(self) -> FilePath:
        """What was done and the journal does not say yet; see `redo_log`."""
        return self.state / "redo"

    @property
    def index(self) -> FilePath:
        """What was seen on the disk."""
        return self.state / "index.db"

    @property
    def membership(self) -> FilePath:
        """As whose the journal was begun; see `returning`."""
        return self.state / "membership.json"

    @property
    def acknowledged(self) -> FilePath:
        """Who has acknowledged what; see `agreement`."""
        return self.state / "acknowledged"

    @property
    def partly(self) -> FilePath:
        """There while not all of the tree may be here."""
        return self.state / "partly"

    @property
    def permits(self) -> FilePath:
        """What was made writable for a moment."""
        return self.state / "permits.db"

    @property
    def repositories(self) -> FilePath:
        """Which git repositories were here, and which were deleted."""
        return self.state / "repositories"

    @property
    def versions(self) -> FilePath:
        """What sync replaced or deleted: on the file system of the tree, so that a rename moves it.

        Raises:
            OSError: the root, or the state, is not there.
        """
        return self.root / os.fsdecode(VERSIONS) if self._is_apart else self.state / "versions"

    @property
    def catalogue(self) -> FilePath:
        """Which versions there are: a database, so always where the state is."""
        return self.state / CATALOGUE if self._is_apart else self.versions / CATALOGUE

    @property
    def _is_apart(self) -> bool:
        return self.root.stat().st_dev != self.state.stat().st_dev

    @property
    def bases(self) -> FilePath:
        """Texts as they were last synced."""
        return self.state / "bases"

    @property
    def partial(self) -> FilePath:
        """Large files of which not all has come yet."""
        return self.state / "partial"
