"""Where a tree is on this host: its root, and the folder of what the node keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath


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
    def permits(self) -> FilePath:
        """What was made writable for a moment."""
        return self.state / "permits.db"

    @property
    def versions(self) -> FilePath:
        """What sync replaced or deleted."""
        return self.state / "versions"

    @property
    def partial(self) -> FilePath:
        """Large files of which not all has come yet."""
        return self.state / "partial"
