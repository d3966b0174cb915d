"""Git repositories to sync in tests, each on a host of its own, driven by the real git."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from simulacra.actors.data.git.creating import create
from simulacra.actors.data.git.repository import Repository, find
from simulacra.actors.data.git.state import State, unpack
from simulacra.actors.data.git.state import pack as packed
from simulacra.actors.data.git.sync import Outcome, describe, lacking, pack, take

_CLOCK: Iterator[int] = count(1)
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
    "GIT_EDITOR": "true",
}


class Clone:
    """A repository of one host, in a tree of its own."""

    def __init__(self, host: str, place: Path, root: Path | None = None) -> None:
        self.host = host
        self.place = place
        self.root = root or place.parent

    @property
    def repository(self) -> Repository:
        return find(self.root, self.place)

    def git(self, *arguments: str, fine: tuple[int, ...] = (0,)) -> str:
        """What its user types."""
        moment = f"{1_700_000_000 + next(_CLOCK)} +0000"
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.place,
            env={**ENVIRONMENT, "GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment},
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
        assert done.returncode in fine, f"git {arguments} on {self.host}: {done.stderr}"
        return done.stdout.rstrip("\n")

    def write(self, name: str, text: str) -> None:
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, name: str = "file", text: str | None = None) -> str:
        """Commit a file; returns the commit."""
        self.write(name, text if text is not None else f"{self.host} {next(_CLOCK)}\n")
        self.git("add", name)
        self.git("commit", "-q", "-m", f"{name} on {self.host}")
        return self.git("rev-parse", "HEAD")

    def at(self, name: str) -> str:
        """The object a name is at; empty if there is none."""
        return self.git("rev-parse", "-q", "--verify", name, fine=(0, 1))

    def status(self) -> list[str]:
        return self.git("status", "--porcelain").splitlines()

    def describe(self) -> State:
        """Its state, as it arrives elsewhere."""
        state = describe(self.repository, self.host, next(_CLOCK))
        return State.from_plain(unpack(packed(state.to_plain())))

    def take(self, other: Clone) -> Outcome:
        """Take what another clone has; both say why if they are held."""
        mine, theirs = self.describe(), other.describe()
        if mine.held or theirs.held:
            return take(self.repository, None, theirs, self.host, next(_CLOCK))
        wanted = lacking(theirs, mine)
        with tempfile.TemporaryFile() as file:
            if wanted:
                pack(other.repository, wanted, mine.objects(), file, mine.shallow)
                file.seek(0)
            now = next(_CLOCK)
            return take(self.repository, file if wanted else None, theirs, self.host, now)

    def sync(self, other: Clone) -> None:
        """Both take from each other, which must work."""
        for outcome in (self.take(other), other.take(self)):
            assert not outcome.held, outcome.held

    def copy_to(self, host: str, place: Path, root: Path | None = None) -> Clone:
        """A new repository on another host."""
        clone = Clone(host, place, root)
        state = self.describe()
        assert state.held == ""
        with tempfile.TemporaryFile() as file:
            pack(self.repository, state.objects(), (), file)
            file.seek(0)
            create(clone.root, place, file if state.objects() else None, state, host)
        return clone

    def files_from(self, other: Clone) -> None:
        """The working tree's files come, as the tree brings them."""
        subprocess.run(
            ["rsync", "-a", "--delete", "--exclude=.git", f"{other.place}/", f"{self.place}/"],
            check=True,
        )


def new_clone(host: str, folder: Path, *options: str) -> Clone:
    """A new repository without a commit, in a tree of its own."""
    place = folder / host / "project"
    place.mkdir(parents=True)
    clone = Clone(host, place)
    clone.git("init", "-q", "-b", "main", *options)
    return clone


def two(folder: Path) -> tuple[Clone, Clone]:
    """The same repository with one commit on two hosts."""
    desk = new_clone("desk", folder)
    desk.commit()
    lap = desk.copy_to("lap", folder / "lap" / "project")
    lap.files_from(desk)
    return desk, lap
