"""What a git repository in a tree is, and when it is let alone.

Nothing in a git folder is ever synced as a file. A repository is one of:

| in the tree | is |
| --- | --- |
| ``DIR/.git``, a folder | a repository with the working tree DIR |
| ``DIR/.git``, a file leading to a git folder in the tree | a submodule's working tree DIR |
| ``DIR/HEAD``, ``objects/``, ``refs/`` | a bare repository, all of DIR |

It is *held*, which is to be left as it is, with a reason, if its git folder is a link, or lies or
leads out of the tree, if it is a linked worktree (its history is that of its main repository), if
something is under way in it (a merge, a rebase, a cherry-pick, a revert, a bisect, git itself by
its locks), or if it is damaged.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_UNDER_WAY: Final = {
    "MERGE_HEAD": "a merge is under way: git merge --continue, or --abort",
    "rebase-merge": "a rebase is under way: git rebase --continue, or --abort",
    "rebase-apply": "a rebase or git am is under way: git rebase or am --continue, or --abort",
    "CHERRY_PICK_HEAD": "a cherry-pick is under way: git cherry-pick --continue, or --abort",
    "REVERT_HEAD": "a revert is under way: git revert --continue, or --abort",
    "sequencer": "a cherry-pick or revert is under way: finish it with --continue, or --abort",
    "BISECT_LOG": "a bisect is under way: git bisect reset ends it",
}
_LOCKS: Final = ("index.lock", "HEAD.lock", "packed-refs.lock", "config.lock", "shallow.lock")
_PARTS: Final = ("HEAD", "objects", "refs")
_LONGEST: Final = 4096


class Held(Exception):  # noqa: N818
    """A repository is to be left as it is; the text says why and what ends it."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository in a tree.

    Attributes:
        place: its folder in the tree: the working tree, or all of a bare one.
        folder: the git folder.
    """

    place: Path
    folder: Path

    @property
    def bare(self) -> bool:
        """Whether it has no working tree."""
        return self.place == self.folder

    @property
    def worktree(self) -> Path | None:
        """Its working tree; None for a bare one."""
        return None if self.bare else self.place

    @property
    def leads(self) -> str:
        """Where the git folder is from the place."""
        return os.path.relpath(self.folder, self.place)


def is_bare(place: Path) -> bool:
    """Whether a folder is a bare repository: then nothing in it is a file of the tree."""
    try:
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        return looks_bare(folder)
    finally:
        os.close(folder)


def is_repository(place: Path) -> bool | None:
    """Whether a repository is at a place, be it a sound one or not; None if that is not seen."""
    try:
        (place / ".git").lstat()
    except (FileNotFoundError, NotADirectoryError):
        try:
            return is_bare(place)
        except OSError:
            return None
    except OSError:
        return None
    return True


def looks_bare(folder: int) -> bool:
    """The same of an open folder; of most it costs one look."""
    return all(_is_in(folder, part) for part in _PARTS) and not _is_in(folder, ".git")


def _is_in(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


def find(root: Path, place: Path) -> Repository:
    """The repository at a place in the tree with this root.

    Raises:
        Held: it is to be left as it is.
        OSError: it cannot be read.
    """
    root, place = root.resolve(strict=True), Path(os.path.normpath(Path.cwd() / place))
    _check_inside(root, place)
    if is_bare(place):
        repository = Repository(place, place)
    else:
        repository = Repository(place, _git_folder(root, place))
    _check_sound(repository.folder)
    return repository


def _git_folder(root: Path, place: Path) -> Path:
    path = place / ".git"
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise Held(f"{path} is a link: put the git folder itself there")
    if stat.S_ISDIR(mode):
        return path
    if not stat.S_ISREG(mode):
        raise Held(f"{path} is neither a folder nor a file")
    with path.open("rb") as file:
        text = file.read(_LONGEST)
    if not text.startswith(b"gitdir: "):
        raise Held(f"{path} leads nowhere: it has to say gitdir: PATH")
    leads = os.fsdecode(text.removeprefix(b"gitdir: ").rstrip(b"\r\n"))
    folder = Path(os.path.normpath(place / leads))
    if _exists(folder / "commondir"):
        raise Held(f"it is a linked worktree: its history is that of {folder.parents[2]}")
    _check_inside(root, folder)
    if not folder.is_dir():
        raise Held(f"{path} leads to {folder}, which is not there")
    return folder


def _check_inside(root: Path, path: Path) -> None:
    """Refuse what lies out of the tree, also by way of a link."""
    if not path.is_relative_to(root):
        raise Held(f"{path} is out of the tree {root}")
    if path.resolve() != path:
        raise Held(f"{path} is reached by a link, to {path.resolve()}")


def _check_sound(folder: Path) -> None:
    for part in (*_PARTS, "packed-refs", "logs", "index", "config", "simulacra"):
        if (folder / part).is_symlink():
            raise Held(f"{folder / part} is a link: its git folder is not its own")
    for part in _PARTS:
        if not _exists(folder / part):
            raise Held(f"it is damaged: {folder / part} is not there")


def check_quiet(repository: Repository) -> None:
    """Refuse while something is under way.

    Raises:
        Held: something is.
    """
    for name, reason in _UNDER_WAY.items():
        if _exists(repository.folder / name):
            raise Held(reason)
    for name in _LOCKS:
        if _exists(repository.folder / name):
            path = repository.folder / name
            raise Held(f"git is at work, or was killed: once none runs there, rm {path}")


def branches_elsewhere(repository: Repository) -> dict[str, str]:
    """The branches that linked worktrees have checked out, each with the worktree's name."""
    found = {}
    folder = repository.folder / "worktrees"
    for worktree in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            text = (worktree / "HEAD").read_bytes()[:_LONGEST]
        except FileNotFoundError:
            continue
        if text.startswith(b"ref: "):
            found[os.fsdecode(text.removeprefix(b"ref: ").strip())] = worktree.name
    return found


def _exists(path: Path) -> bool:
    return os.path.lexists(path)
