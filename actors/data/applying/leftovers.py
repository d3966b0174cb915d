"""Clearing up what a kill left in a tree: at the start, before anything else is changed.

The names tell (`temporaries`): new content that never got to its place is removed; what was taken
from its place to be removed goes back; what was exchanged with new content that did get there is
handed to who keeps old versions. So a change that was under way is either done or not begun.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from simulacra.actors.data.applying import displacing, temporaries
from simulacra.actors.data.applying.displacing import Keep
from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.gripping import look
from simulacra.actors.data.applying.refusals import RefusedError, refusing
from simulacra.actors.data.applying.temporaries import Mark, Temporary
from simulacra.actors.data.entries import (
    GIT,
    OWN_FOLDERS,
    ROOT,
    TEMPORARY,
    Path,
    join,
    name,
    parent,
)


def find(folders: Folders) -> Iterator[Path]:
    """The temporary files in a tree. Folders that cannot be read are passed over."""
    waiting = [ROOT]
    while waiting:
        path = waiting.pop()
        try:
            with refusing(path), os.scandir(folders.open(path)) as entries:
                found = [(os.fsencode(each.name), _is_folder(each)) for each in entries]
        except RefusedError:
            continue
        for entry, is_folder in found:
            if entry.startswith(TEMPORARY):
                yield join(path, entry)
            elif is_folder and entry != GIT and not (path == ROOT and entry in OWN_FOLDERS):
                waiting.append(join(path, entry))


def clear(folders: Folders, paths: Iterable[Path], keep: Keep) -> list[RefusedError]:
    """Clear up temporary files, and say which could not be.

    A name that no temporary file of ours has is left alone.

    Args:
        folders: the tree.
        paths: the temporary files that were found in it.
        keep: is given what was displaced.
    """
    refused = []
    for path in paths:
        told = temporaries.parse(name(path))
        if told is None:
            continue
        try:
            with refusing(path):
                _clear(folders.open(parent(path)), path, told, keep)
        except RefusedError as error:
            refused.append(error)
    return refused


def _clear(folder: int, path: Path, told: Temporary, keep: Keep) -> None:
    temporary = name(path)
    status = look(folder, temporary)
    if status is None:
        return
    if told.mark is Mark.NEW and stat.S_ISDIR(status.st_mode):
        os.rmdir(temporary, dir_fd=folder)
    elif told.mark is Mark.NEW or (told.mark is Mark.SWAP and status.st_ino == told.inode):
        os.unlink(temporary, dir_fd=folder)
    elif told.mark is Mark.SWAP:
        displacing.hand_to(keep, folder, temporary, join(parent(path), told.name))
    else:
        _return(folder, temporary, told, keep, join(parent(path), told.name))


def _return(folder: int, temporary: bytes, told: Temporary, keep: Keep, path: Path) -> None:
    """Give what was set aside its name again; it is kept where that is taken, or was cut."""
    now = look(folder, told.name)
    if now is not None and now.st_ino == told.inode:  # it has both names: a kill between two links
        os.unlink(temporary, dir_fd=folder)
    elif told.cut:
        displacing.hand_to(keep, folder, temporary, path)
    else:
        displacing.put_back(folder, temporary, told.name, keep, path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)
