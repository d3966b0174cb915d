"""Doing to a git repository what was decided, all of it or none, whenever it is cut off.

The *intent* is on the disk before anything is done. Then, in this order:

1. The new index is written beside the old one, and linked to ``index.lock``: from here on its
   user's git cannot commit or stage, and says that the index is locked.
2. What nothing will name any more goes into the reflog of ``refs/simulacra/_replaced``: it can be
   found (``git log -g refs/simulacra/_replaced``) for as long as git keeps its reflogs.
3. The refs: those below ``refs/simulacra/``, then those that go, then the others, each lot in one
   transaction of git's that names what is there now; then HEAD.
4. The index is put in place, by a rename of its lock, as git does.
5. The stash, the settings, the record; the intent is removed.

Whoever comes after a crash finds the intent and begins again: what is done is found done. If its
user changed something meanwhile the intent is dropped, with the record as it was: the next look at
the repository takes all it finds for changes made there, of which none is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from simulacra.actors.data.git import record as git_record
from simulacra.actors.data.git.command import Git, GitError, set_values
from simulacra.actors.data.git.reading import (
    REPLACED,
    copy_index,
    index_mark,
    marked_to_add,
    read_head,
    read_refs,
    read_stash,
)
from simulacra.actors.data.git.record import Change, Intent
from simulacra.actors.data.git.repository import Held, Repository
from simulacra.actors.data.git.state import KEPT, SYMBOLIC
from simulacra.actors.private_files import sync_folder

_NEW_INDEX = "index.new"
_CHANGED = "it was changed while it was synced: it is tried again"


def recover(git: Git, repository: Repository) -> None:
    """Finish what was cut off.

    Raises:
        Held: it cannot be finished now.
        GitError: git cannot do it.
    """
    intent = git_record.load_intent(repository)
    if intent is not None:
        apply(git, repository, intent)
        return
    if _is_ours(git, repository.folder / "index.lock"):
        (repository.folder / "index.lock").unlink()
    (git.ours / _NEW_INDEX).unlink(missing_ok=True)


def apply(git: Git, repository: Repository, intent: Intent) -> None:
    """Do what an intent says.

    Raises:
        Held: its user is at it, or changed it meanwhile.
        GitError: git cannot do it; it is tried again at the next sync.
    """
    git_record.save_intent(repository, intent)
    with _index_locked(git, repository, intent):
        refs = read_refs(git)
        if not _stands(git, repository, intent, refs):
            git_record.drop_intent(repository)
            raise Held(_CHANGED)
        _keep_replaced(git, intent)
        try:
            _change_refs(git, intent, refs)
        except GitError:
            if all(refs.get(ref) == now for ref, now in read_refs(git).items() if ref != REPLACED):
                git_record.drop_intent(repository)
            raise
        _change_head(git, intent)
        _put_index(git, repository, intent)
    _change_stash(git, intent)
    for key, found in intent.settings:
        set_values(repository.folder / "config", key, list(found))
    git_record.save(repository, intent.record)
    git_record.drop_intent(repository)


@contextmanager
def _index_locked(git: Git, repository: Repository, intent: Intent) -> Iterator[None]:
    """Have the index's lock, with the new index in it."""
    if repository.bare:
        yield
        return
    lock, new = repository.folder / "index.lock", git.ours / _NEW_INDEX
    if _is_ours(git, lock):
        lock.unlink()
    if not _is_ours(git, repository.folder / "index"):
        _write_index(git, intent)
        try:
            lock.hardlink_to(new)
        except FileExistsError as error:
            git_record.drop_intent(repository)
            raise Held(f"git is at work, or was killed: once none runs there, rm {lock}") from error
    try:
        yield
    finally:
        if _is_ours(git, lock):
            lock.unlink()
        new.unlink(missing_ok=True)


def _write_index(git: Git, intent: Intent) -> None:
    new = copy_index(git, _NEW_INDEX) or git.ours / _NEW_INDEX
    if not intent.index:
        new.touch()
        return
    marked = marked_to_add(git, new, intent.commit_was) if new.exists() else []
    if intent.index == "-":
        git.run("read-tree", "--empty", index=new)
    else:
        git.run("read-tree", "-i", "-m", f"{intent.index}^{{tree}}", index=new)
    for name in marked:
        git.run(
            "add", "--intent-to-add", "--ignore-errors", "--", name, index=new, fine=(0, 1, 128)
        )


def _is_ours(git: Git, path: Path) -> bool:
    """Whether a file is the index that a sync wrote."""
    try:
        return path.samefile(git.ours / _NEW_INDEX)
    except FileNotFoundError:
        return False


def _stands(git: Git, repository: Repository, intent: Intent, refs: dict[str, str]) -> bool:
    """Whether everything is either as it was or as it is to be."""
    index = repository.folder / "index"
    return (
        all(refs.get(ref, "") in {old, new} for ref, old, new in intent.changes)
        and read_head(git) in intent.head
        and (
            repository.bare
            or index_mark(repository.folder) == intent.index_was
            or _is_ours(git, index)
        )
    )


def _keep_replaced(git: Git, intent: Intent) -> None:
    """Name what is to be replaced; twice after a crash, which does no harm."""
    for found, what in intent.replaced:
        text = f"{what}, {intent.reason}"
        git.run("update-ref", "--create-reflog", "-m", text, REPLACED, found)


def _change_refs(git: Git, intent: Intent, refs: dict[str, str]) -> None:
    todo = [change for change in intent.changes if refs.get(change[0], "") != change[2]]
    kept = [change for change in todo if change[0].startswith(KEPT)]
    others = [change for change in todo if not change[0].startswith(KEPT)]
    for lot in (
        [change for change in kept if change[2]],
        [change for change in others if not change[2]],
        [change for change in others if change[2]],
        [change for change in kept if not change[2]],
    ):
        _transact(git, intent, lot)


def _transact(git: Git, intent: Intent, changes: Iterable[Change]) -> None:
    """Change refs together: all or none."""
    commands = []
    for ref, old, new in changes:
        if not new:
            commands.append(f"delete {ref}\0{old}\0")
        elif old:
            commands.append(f"update {ref}\0{new}\0{old}\0")
        else:
            commands.append(f"create {ref}\0{new}\0")
    if commands:
        text = "".join(["start\0", *commands, "prepare\0", "commit\0"])
        git.run("update-ref", "-m", intent.reason, "--stdin", "-z", stdin=text)


def _change_head(git: Git, intent: Intent) -> None:
    _, new = intent.head
    if read_head(git) == new:
        return
    if new.startswith(SYMBOLIC):
        git.run("symbolic-ref", "-m", intent.reason, "HEAD", new.removeprefix(SYMBOLIC))
    else:
        git.run("update-ref", "--no-deref", "-m", intent.reason, "HEAD", new)


def _put_index(git: Git, repository: Repository, intent: Intent) -> None:
    lock = repository.folder / "index.lock"
    if intent.index and _is_ours(git, lock):
        lock.replace(repository.folder / "index")
        sync_folder(repository.folder)


def _change_stash(git: Git, intent: Intent) -> None:
    there = set(read_stash(git, read_refs(git)))
    for commit in intent.stash_adds:
        if commit not in there:
            subject = git.run("log", "-1", "--format=%s", commit, "--").strip()
            git.run("update-ref", "--create-reflog", "-m", subject, "refs/stash", commit)
    for commit in intent.stash_drops:
        stash = read_stash(git, read_refs(git))
        if stash == (commit,):
            git.run("update-ref", "-d", "refs/stash", commit)
        elif commit in stash:
            entry = f"refs/stash@{{{stash.index(commit)}}}"
            git.run("reflog", "delete", "--updateref", "--rewrite", entry)
