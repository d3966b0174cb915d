"""Seeing what is in a git repository, without changing a thing that its user would see."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from simulacra.actors.data.git.command import Git
from simulacra.actors.data.git.repository import Held, Repository
from simulacra.actors.data.git.state import (
    BRANCHES,
    CONFIG,
    HEAD,
    INDEX,
    KEPT,
    STASH,
    SYMBOLIC,
    is_carried,
    is_setting,
    object_of,
)

REPLACED = KEPT + "_replaced"
"""The ref whose reflog has what syncs replaced; no host has a name like that."""
_NOBODY = "Simulacra <simulacra@localhost> 0 +0000"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is in a repository.

    Attributes:
        names: what is carried, with its text.
        kept: the refs below ``refs/simulacra/``.
        refs: all refs with their objects.
        stash: the stash's commits, the newest first.
        commit: what is checked out; ``-`` if nothing is.
        object_format: ``sha1`` or ``sha256``.
        shallow: the commits without their parents.
    """

    names: dict[str, str]
    kept: dict[str, str]
    refs: dict[str, str]
    stash: tuple[str, ...]
    commit: str
    object_format: str
    shallow: tuple[str, ...]


def read(git: Git, repository: Repository, own: dict[str, list[str]]) -> Seen:
    """See what is in a repository that is at rest.

    Args:
        git: its git, with its view open.
        repository: it.
        own: its settings.

    Raises:
        Held: it is damaged, or has what cannot be carried.
        GitError: git cannot read it.
    """
    refs = read_refs(git)
    head = read_head(git)
    if head.startswith(SYMBOLIC) and not head.startswith(SYMBOLIC + BRANCHES):
        raise Held(f"HEAD is at {head}, which is no branch: git switch to one")
    commit = refs.get(head.removeprefix(SYMBOLIC), "-") if head.startswith(SYMBOLIC) else head
    stash = read_stash(git, refs)
    names = {ref: found for ref, found in refs.items() if is_carried(ref)}
    names[HEAD] = head
    names |= {STASH + found: found for found in stash}
    names |= _settings(own)
    kept = {ref: found for ref, found in refs.items() if ref.startswith(KEPT) and ref != REPLACED}
    _check_there(git, {**names, **kept})
    seen = Seen(
        names,
        kept,
        refs,
        stash,
        commit,
        own.get("extensions.objectformat", ["sha1"])[-1].lower(),
        _shallow(repository.folder),
    )
    staged = None if repository.bare else _staged(git, commit, seen.object_format)
    return replace(seen, names={**names, INDEX: staged}) if staged else seen


def read_refs(git: Git) -> dict[str, str]:
    """All refs but symbolic ones, with their objects."""
    printed = git.run(
        "for-each-ref", "--format=%(objectname) %(refname) %(symref)", refused="broken ref"
    )
    rows = (line.split(" ") for line in printed.split("\n")[:-1])
    return {name: found for found, name, symbolic in rows if not symbolic}


def read_head(git: Git) -> str:
    """What HEAD says: ``ref: `` and a branch, or a commit."""
    target = git.run("symbolic-ref", "-q", "HEAD", fine=(0, 1)).rstrip("\n")
    return SYMBOLIC + target if target else git.run("rev-parse", "--verify", "HEAD").rstrip("\n")


def read_stash(git: Git, refs: dict[str, str]) -> tuple[str, ...]:
    """The commits of the stash, the newest first."""
    if "refs/stash" not in refs:
        return ()
    found = git.run("log", "-g", "--format=%H", "refs/stash", "--").split()
    return tuple(found or [refs["refs/stash"]])


def missing(git: Git, objects: Iterable[str]) -> list[str]:
    """Those objects that are not there."""
    printed = git.run(
        "cat-file", "--batch-check=%(objectname)", stdin="".join(f"{one}\n" for one in objects)
    )
    return [line.split(" ")[0] for line in printed.split("\n") if line.endswith(" missing")]


def index_mark(folder: Path) -> tuple[int, ...]:
    """What is another if the index was written since; empty if there is no index."""
    try:
        found = (folder / "index").stat()
    except FileNotFoundError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def copy_index(git: Git, name: str) -> Path | None:
    """A copy of the index that is this sync's own; None if there is no index."""
    path = git.ours / name
    path.unlink(missing_ok=True)
    try:
        shutil.copyfile(git.folder / "index", path, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return path


def marked_to_add(git: Git, index: Path, commit: str) -> list[str]:
    """The files in an index that are there by ``git add --intent-to-add`` alone."""
    base = _base(git, commit)
    diff = ("diff-index", "--cached", "--name-only", "--no-renames", "-z")
    everything = git.run(*diff, "--ita-visible-in-index", base, "--", index=index)
    staged = git.run(*diff, "--ita-invisible-in-index", base, "--", index=index)
    return sorted(set(everything.split("\0")) - set(staged.split("\0")))


def _check_whole(index: Path, object_format: str) -> None:
    """Refuse an index that is not what git wrote; git itself looks only at its beginning."""
    content = index.read_bytes()
    end = hashlib.new(object_format).digest_size
    written = content[-end:]
    if written not in {hashlib.new(object_format, content[:-end]).digest(), bytes(end)}:
        raise Held("it is damaged: its index is not as git wrote it: rm .git/index && git reset")


def _staged(git: Git, commit: str, object_format: str) -> str | None:
    """The text of what is staged: a commit that is the same wherever it is made."""
    index = copy_index(git, "index.seen")
    if index is None:
        return None
    try:
        _check_whole(index, object_format)
        if unmerged := git.run("ls-files", "--unmerged", "-z", index=index):
            path = unmerged.partition("\t")[2].partition("\0")[0]
            raise Held(f"{path} has conflicts that are not settled: edit it, then git add {path}")
        tree = git.run("write-tree", index=index).strip()
    finally:
        index.unlink(missing_ok=True)
    if tree == git.run("rev-parse", "--verify", f"{_base(git, commit)}^{{tree}}").strip():
        return None
    parent = "" if commit == "-" else f"parent {commit}\n"
    text = f"tree {tree}\n{parent}author {_NOBODY}\ncommitter {_NOBODY}\n\nWhat was staged\n"
    staged = git.run("hash-object", "-t", "commit", "-w", "--stdin", stdin=text).strip()
    return f"{staged} {commit}"


def _base(git: Git, commit: str) -> str:
    """The commit, or for none the empty tree."""
    if commit != "-":
        return commit
    return git.run("hash-object", "-t", "tree", "/dev/null").strip()


def _settings(own: dict[str, list[str]]) -> dict[str, str]:
    found = {key: "\n".join(values) for key, values in own.items()}
    return {CONFIG + key: text for key, text in found.items() if is_setting(key, text)}


def _check_there(git: Git, names: dict[str, str]) -> None:
    objects = {one: name for name, text in names.items() if (one := object_of(text)) is not None}
    if gone := missing(git, objects):
        raise Held(f"it is damaged: {gone[0]}, which {objects[gone[0]]} is at, is not there")


def _shallow(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(os.fsdecode((folder / "shallow").read_bytes()).split()))
    except FileNotFoundError:
        return ()
