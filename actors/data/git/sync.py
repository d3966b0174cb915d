"""Syncing a git repository in a tree: it stays one on each host, never a mixture of two.

Two hosts tell each other their `State`s (`describe`), each packs the objects that the other lacks
(`pack`), and each takes the other's (`take`); both then have the same. Any two hosts may meet, in
any order, any number of times. Nothing in ``.git`` is ever synced as a file.

| what | rule |
| --- | --- |
| a branch that one side moved, rewound or amended | the other side's follows |
| a branch that both moved | a descendant wins; else the one moved last is the branch, the other |
| | is kept as ``refs/simulacra/HOST/heads/NAME`` until it is merged or that ref is deleted |
| a branch deleted on one side | it is deleted; if the other moved it, or switched to it, it stays |
| tags, notes, other refs | the same, without descendants |
| remote-tracking refs | the last one set |
| HEAD | the one switched last; a commit checked out as such is kept, as ``…/HOST/HEAD`` |
| what is staged | goes along; if HEAD is at another commit, kept as ``…/HOST/index`` |
| the stash | entries are added and dropped one by one |
| ``user.name``, ``.email``, remotes' ``url`` and ``fetch``, branches' ``remote`` and ``merge``, | |
| submodules' ``url`` and ``active`` | the last one set; no address that runs a program |
| all other settings, hooks, ``info/``, reflogs, alternates, intent-to-add marks | never |
| what a sync moved or deleted | stays in the reflog of ``refs/simulacra/_replaced`` |
| a merge, rebase, cherry-pick, revert, bisect or lock; a linked worktree; damage; | |
| a partial clone; a git folder that is a link or out of the tree | held: left alone, with why |

The order of things, and what ``git status`` shows after each on the side that takes:

1. The objects come: as before.
2. Refs, HEAD and index change while the index is locked: no moment shows one without the other.
   Files are not touched, so what the other side committed looks undone, not staged.
3. The tree brings the files, or has brought them: as on the other side, file by file.
4. `refresh`: the same, and git need not read the files again to know.

No program that a repository names is ever run: see `git_command`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

from simulacra.actors.data.git import record as git_record
from simulacra.actors.data.git.command import BULK, Git
from simulacra.actors.data.git.places import places
from simulacra.actors.data.git.reading import missing
from simulacra.actors.data.git.repository import Held, Repository, check_quiet
from simulacra.actors.data.git.session import as_held, held_state, session
from simulacra.actors.data.git.state import BRANCHES, State, object_of, values


@dataclass(frozen=True, slots=True)
class Conflict:
    """What two sides changed, of which one is in its place.

    Attributes:
        name: the branch or tag (a ref), ``HEAD`` or ``index``.
        host: where the other was made.
        ref: where the other is kept.
        settle: the command that settles it, taking the other in.
        sides: the (host, object) of what is in its place, if anything is, and of the other.
    """

    name: str
    host: str
    ref: str
    settle: str
    sides: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What a commit says of itself.

    Attributes:
        subject: the first line of its message.
        time: when it was made, seconds since the epoch.
    """

    subject: str
    time: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of taking.

    Attributes:
        held: why nothing was done; empty if it was.
        changed: the refs that were changed, with ``HEAD`` and ``index``.
        state: the repository as it is now.
    """

    held: str
    changed: tuple[str, ...]
    state: State


def describe(repository: Repository, host: str, now: int) -> State:
    """What is in a repository, to be told to others; what is held is told with the reason.

    Args:
        repository: as `git_repository.find` found it.
        host: this host's name.
        now: nanoseconds since the epoch.
    """
    try:
        with session(repository, host, now) as one:
            return one.state()
    except Held as held:
        return held_state(repository, host, str(held))


def lacking(mine: State, theirs: State) -> set[str]:
    """The objects to pack so that the others have all that is here."""
    return mine.objects() - theirs.objects()


def pack(
    repository: Repository,
    wanted: Iterable[str],
    have: Iterable[str],
    out: IO[bytes],
    shallow: Iterable[str] = (),
) -> None:
    """Write a pack of all that ``wanted`` lead to and ``have`` do not.

    Args:
        repository: the one that has it.
        wanted: objects here.
        have: objects that the other side has; they need not be known here.
        out: an open file with a descriptor; memory does not grow with the history.
        shallow: the other side's commits without parents.

    Raises:
        Held: the repository is damaged, or busy with another sync.
    """
    with as_held(), git_record.locked(repository):
        git = Git(repository.folder, repository.worktree)
        git.open()
        others = {"--shallow ": sorted(shallow), "^": sorted(have)}
        for found in others.values():
            gone = set(missing(git, found))
            found[:] = [one for one in found if one not in gone]
        lines = [f"{sign}{one}\n" for sign, found in others.items() for one in found]
        text = "".join([*lines, *(f"{one}\n" for one in sorted(wanted))])
        arguments = ("pack-objects", "--revs", "--stdout", "--thin", "--delta-base-offset", "-q")
        git.run(*arguments, stdin=text, stdout=out, within=BULK)


def take(
    repository: Repository, packed: IO[bytes] | None, theirs: State, host: str, now: int
) -> Outcome:
    """Take in what another host has.

    Args:
        repository: this host's.
        packed: an open file with the objects that are lacking here; None if none are.
        theirs: the other host's state, as it was when that was packed.
        host: this host's name.
        now: nanoseconds since the epoch.
    """
    if theirs.held:
        reason = f"on the other side: {theirs.held}"
        return Outcome(reason, (), held_state(repository, host, reason))
    try:
        with session(repository, host, now, theirs.history) as one:
            one.check_fits(theirs)
            one.take_objects(packed, theirs)
            changed = one.become(one.merged(theirs.history), "simulacra sync")
            return Outcome("", changed, one.state())
    except Held as held:
        return Outcome(str(held), (), held_state(repository, host, str(held)))


def refresh(repository: Repository) -> bool:
    """Have the index know the files that the tree brought, once they are there.

    Returns:
        Whether all files are as the index has them.

    Raises:
        Held: its user is at it.
    """
    if repository.bare:
        return True
    with as_held(), git_record.locked(repository):
        check_quiet(repository)
        git = Git(repository.folder, repository.worktree)
        git.open()
        git.run("update-index", "-q", "--refresh", within=BULK, fine=(0, 1))
        return git.run("diff-files", "--name-only", within=BULK) == ""


def conflicts(state: State) -> list[Conflict]:
    """What is kept beside what is in its place; the same on all hosts that know the same."""
    where = places(state.history)
    found = []
    for ref, (name, dot) in sorted(where.kept.items()):
        other = values(state.history, name)[dot]
        shown = values(state.history, name).get(where.shown.get(name, dot), other)
        sides = tuple(
            (each.host, text)
            for each in dict.fromkeys((shown, other))
            if (text := object_of(each.text)) is not None
        )
        found.append(Conflict(name, other.host, ref, _settling(name, ref), sides))
    return found


def tell(repository: Repository, commits: Iterable[str]) -> dict[str, Told]:
    """What commits say of themselves; of what is no commit nothing is told.

    Raises:
        Held: git cannot read them.
    """
    with as_held():
        git = Git(repository.folder, repository.worktree)
        git.open()
        lines = "".join(f"{one}\n" for one in sorted(set(commits)))
        kinds = git.run("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=lines)
        rows = (line.split(" ") for line in kinds.splitlines())
        known = [name for name, kind in rows if kind == "commit"]
        if not known:
            return {}
        shown = git.run("show", "--no-patch", "--format=%H %ct %s", *known, "--")
        told = (line.split(" ", 2) for line in shown.splitlines())
        return {name: Told(subject, int(time)) for name, time, subject in told}


def _settling(name: str, ref: str) -> str:
    if name.startswith(BRANCHES):
        branch = name.removeprefix(BRANCHES)
        return f"git switch {branch} && git merge {ref}"
    return f"git show {ref}, then git update-ref -d {ref}"
