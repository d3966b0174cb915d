"""Making a git repository that only another host has yet: the whole of it, or nothing.

It is made beside its place, with all its refs, HEAD and index as on the other host, and renamed
into it. Its hooks are none, and of its settings it has those that are carried. Files of the working
tree may be there already or come later. A submodule's git folder goes into that of the repository
it is in, as git has it, and a file ``.git`` leads there.
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from simulacra.actors.data.git import record as git_record
from simulacra.actors.data.git.command import Git, initialise, set_values
from simulacra.actors.data.git.reading import read
from simulacra.actors.data.git.repository import Held, Repository
from simulacra.actors.data.git.session import Session, as_held, tips_in
from simulacra.actors.data.git.state import HEAD, State
from simulacra.actors.private_files import sync_folder

TEMPORARY: Final = ".simulacra-tmp-git-"


def create(
    root: Path, place: Path, packed: IO[bytes] | None, theirs: State, host: str
) -> Repository:
    """Make a repository that only another host has: whole, or not at all.

    Args:
        root: the tree's.
        place: the working tree, which may have files already; of a bare one, the folder to be.
        packed: all that its names lead to.
        theirs: the other host's state.
        host: this host's name.

    Raises:
        Held: it cannot be made, with the reason.
    """
    folder = Path(os.path.normpath(place / theirs.folder))
    _check_new(root, place, folder, theirs)
    place.mkdir(parents=True, exist_ok=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for leftover in folder.parent.glob(TEMPORARY + "*"):
        shutil.rmtree(leftover)
    temporary = folder.parent / (TEMPORARY + secrets.token_hex(6))
    try:
        with as_held():
            _fill(temporary, folder, place, packed, theirs, host)
            os.sync()
            temporary.rename(folder)  # A bare one takes the place of an empty folder.
            sync_folder(folder.parent)
            if folder.parent != place and not theirs.bare:
                _write_lead(place, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Repository(place, folder)


def _check_new(root: Path, place: Path, folder: Path, theirs: State) -> None:
    inside = root.resolve()
    if theirs.held:
        raise Held(f"on the other side: {theirs.held}")
    ways = [folder.parent, *([] if place == root else [place.parent])]
    if not all(way.resolve().is_relative_to(inside) for way in ways):
        raise Held(f"{folder} is out of the tree {root}")
    modules = ".git/modules/" in theirs.folder and "/../" not in theirs.folder.lstrip("./")
    if theirs.folder not in {".", ".git"} and not modules:
        raise Held(f"no git folder can be at {theirs.folder}")
    if os.path.lexists(place / ".git") or (os.path.lexists(folder) and folder != place):
        raise Held(f"{place} has a repository already")
    if theirs.bare and place.exists() and any(place.iterdir()):
        raise Held(f"{place} has files in it already: a bare repository needs an empty folder")


def _fill(
    temporary: Path, folder: Path, place: Path, packed: IO[bytes] | None, theirs: State, host: str
) -> None:
    """Make a git folder with all that another host's has."""
    initialise(temporary, theirs.object_format)
    if not theirs.bare:
        set_values(temporary / "config", "core.bare", ["false"])
    if theirs.shallow:
        (temporary / "shallow").write_text("".join(f"{one}\n" for one in theirs.shallow))
    repository = Repository(temporary if theirs.bare else temporary.parent, temporary)
    git = Git(temporary, repository.worktree, durable=False)  # All at once, before the rename.
    own = git.open()
    seen = replace(read(git, repository, own))
    seen = replace(seen, names={HEAD: seen.names[HEAD]})
    session = Session(git, repository, host, 0, seen, git_record.new(), (), tips_in(git))
    with git_record.locked(repository):
        session.take_objects(packed, theirs)
        session.become(theirs.history, "simulacra sync")
        git.run("pack-refs", "--all")
    if folder.parent != place and not theirs.bare:
        set_values(temporary / "config", "core.worktree", [os.path.relpath(place, folder)])


def lead(root: Path, place: Path, folder: Path) -> None:
    """Have a working tree lead to a submodule's git folder that is there already.

    Args:
        root: the tree's.
        place: the working tree.
        folder: the git folder.

    Raises:
        Held: it would be out of the tree, or something is there.
    """
    inside = root.resolve()
    if not all(path.resolve().is_relative_to(inside) for path in (place, folder)):
        raise Held(f"{folder} is out of the tree {root}")
    if os.path.lexists(place / ".git"):
        raise Held(f"{place} has a repository already")
    with as_held():
        _write_lead(place, folder)


def _write_lead(place: Path, folder: Path) -> None:
    temporary = place / (TEMPORARY + "file")
    temporary.write_text(f"gitdir: {os.path.relpath(folder, place)}\n")
    temporary.replace(place / ".git")
    sync_folder(place)
