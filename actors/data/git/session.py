"""One sync's time with a git repository: it is locked, looked at, and made as its history says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO

from simulacra.actors.cluster.lattice import State as History
from simulacra.actors.data.git import record as git_record
from simulacra.actors.data.git.applying import apply, recover
from simulacra.actors.data.git.command import BULK, Git, GitError
from simulacra.actors.data.git.merging import Tips, merge, observe, reduce
from simulacra.actors.data.git.planning import plan
from simulacra.actors.data.git.reading import Seen, index_mark, read
from simulacra.actors.data.git.record import Intent, Record
from simulacra.actors.data.git.repository import (
    Held,
    Repository,
    branches_elsewhere,
    check_quiet,
)
from simulacra.actors.data.git.state import HEAD, State


@dataclass(slots=True)
class Session:
    """One sync's look at a repository, which it has locked."""

    git: Git
    repository: Repository
    host: str
    now: int
    seen: Seen
    record: Record
    index_was: tuple[int, ...]
    tips: Tips

    def state(self) -> State:
        """What is told to others."""
        return State(
            self.seen.object_format,
            self.repository.bare,
            self.repository.leads,
            self.record.history,
            self.seen.shallow,
        )

    def check_fits(self, theirs: State) -> None:
        """Refuse a repository of another kind; raises `Held`."""
        if theirs.object_format != self.seen.object_format:
            mine = self.seen.object_format
            raise Held(f"its objects are {mine} here and {theirs.object_format} there: clone anew")
        if theirs.bare != self.repository.bare:
            raise Held("it is bare on one side, and has a working tree on the other")

    def take_objects(self, packed: IO[bytes] | None, theirs: State) -> None:
        """Take objects in, and see that nothing they lead to is missing."""
        wanted = sorted(theirs.objects())
        if packed is not None:
            self.git.run("index-pack", "--stdin", "--fix-thin", stdin=packed, within=BULK)
        arguments = ("rev-list", "--objects", "--stdin", "--not", "--all", "--quiet")
        try:
            self.git.run(*arguments, stdin="".join(f"{one}\n" for one in wanted), within=BULK)
        except GitError as error:
            end = "git fetch --unshallow" if self.seen.shallow or theirs.shallow else "git fsck"
            raise Held(f"what came is not whole ({error}): {end} on both sides") from error

    def merged(self, theirs: History) -> History:
        """The history after meeting another's."""
        mine = self.record
        return merge(mine.history, theirs, self.tips, replica=mine.replica, now=self.now)

    def become(self, history: History, reason: str) -> tuple[str, ...]:
        """Make the repository what a history says; returns what was changed.

        Raises:
            Held: its user is at it, or has a branch of it elsewhere.
            GitError: git cannot do it.
        """
        record = Record(self.record.replica, history)
        intent = plan(
            self.seen,
            history,
            self.tips,
            record=git_record.packed(self.repository, self.host, record),
            index_was=self.index_was,
            reason=reason,
        )
        _check_elsewhere(self.repository, intent)
        if intent.idle:
            git_record.save(self.repository, intent.record)
        else:
            apply(self.git, self.repository, intent)
        self.record = record
        extra = [HEAD] * (intent.head[0] != intent.head[1]) + ["index"] * bool(intent.index)
        return tuple([ref for ref, _, _ in intent.changes] + extra)


@contextmanager
def session(
    repository: Repository, host: str, now: int, theirs: History | None = None
) -> Iterator[Session]:
    """A repository at rest, as it is now; what was cut off is finished first.

    Args:
        repository: it.
        host: this host's name.
        now: nanoseconds since the epoch.
        theirs: the history of the one that it meets.

    Raises:
        Held: it is not at rest, or not sound.
    """
    with as_held(), git_record.locked(repository):
        git = Git(repository.folder, repository.worktree)
        own = git.open()
        recover(git, repository)
        check_quiet(repository)
        index_was = index_mark(repository.folder)
        seen = read(git, repository, own)
        record = git_record.load(repository, host)
        if theirs is not None and _went_back(record, theirs):
            record = git_record.new()
        history = observe(
            record.history, seen.names, seen.kept, replica=record.replica, host=host, now=now
        )
        session = Session(
            git,
            repository,
            host,
            now,
            seen,
            replace(record, history=history),
            index_was,
            tips_in(git),
        )
        settled = reduce(history, session.tips)
        if session.become(settled, "simulacra: settled"):
            session.seen = read(git, repository, own)
            session.index_was = index_mark(repository.folder)
        yield session


def _went_back(record: Record, theirs: History) -> bool:
    """Whether another knows more of this replica than it does itself: it was restored."""
    replica = record.replica
    return theirs.context.get(replica, 0) > record.history.context.get(replica, 0)


def tips_in(git: Git) -> Tips:
    """See `Tips`: two runs of git for whatever is asked, which is remembered."""
    known: dict[frozenset[str], frozenset[str]] = {}

    def tips(of: Iterable[str]) -> frozenset[str]:
        objects = frozenset(of)
        if objects not in known:
            known[objects] = _tips(git, objects)
        return known[objects]

    return tips


def _tips(git: Git, objects: frozenset[str]) -> frozenset[str]:
    lines = "".join(f"{one}\n" for one in sorted(objects))
    printed = git.run("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=lines)
    rows = (line.split(" ") for line in printed.splitlines())
    commits = {name for name, kind in rows if kind == "commit"}
    if len(commits) < 2:  # noqa: PLR2004 - one alone comes before none
        return objects
    return (objects - commits) | set(
        git.run("merge-base", "--independent", *sorted(commits)).split()
    )


def _check_elsewhere(repository: Repository, intent: Intent) -> None:
    elsewhere = branches_elsewhere(repository)
    for ref, _, _ in intent.changes:
        if ref in elsewhere:
            worktree = elsewhere[ref]
            raise Held(f"{ref} is checked out in a linked worktree: git worktree remove {worktree}")


@contextmanager
def as_held() -> Iterator[None]:
    """What git cannot do, or the disk, holds the repository with what it said."""
    try:
        yield
    except (GitError, OSError) as error:
        raise Held(f"git cannot go on there: {error}") from error


def held_state(repository: Repository, host: str, reason: str) -> State:
    """What is told of a repository that is held: what was last known."""
    history = git_record.load(repository, host).history
    return State("sha1", repository.bare, repository.leads, history, held=reason)
