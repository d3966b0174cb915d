"""Putting something in the place of something else, so that nothing of anybody's is destroyed.

All names here, but for a move, are in one folder. What comes to a name is first under a temporary
one; what leaves a name comes under a temporary one, is looked at there, and only then handed to who
keeps it. If it is not what was expected, it goes back. Where a file system has no renames that
refuse to replace, hard links do, which refuse as well; where it has neither (exFAT in user space),
a name is given that was not taken a moment ago. Where it cannot exchange names, the old one steps
aside first, so that for a moment nothing is there, and a kill in a move leaves both names. So it
does where the new name of something is its old one to a file system that folds names.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from simulacra.actors.data.applying import syscalls
from simulacra.actors.data.applying.gripping import Grip, grip, look
from simulacra.actors.data.applying.refusals import Reason, RefusedError
from simulacra.actors.data.applying.syscalls import UNSUPPORTED
from simulacra.actors.data.applying.temporaries import aside_name
from simulacra.actors.data.entries import Fingerprint, Path

Keep = Callable[[int, bytes, Path], None]
"""Keeps what was displaced: (folder's descriptor, its temporary name there, the path it had).

It moves the file away, or makes a copy and leaves it, and then it is removed. It may raise: then
what was displaced goes back, and the change is refused. A file that it moves is the very one that
a program may still have open, whose late writes are then in what is kept.
"""

_TRIES: Final = 16
_NO_LINKS: Final = UNSUPPORTED | {errno.EPERM}


def place(folder: int, temporary: bytes, new_folder: int, name: bytes) -> None:
    """Give what has a temporary name its name, which must not be taken.

    Raises:
        FileExistsError: it is taken.
        OSError: it cannot be done.
    """
    try:
        syscalls.rename_new(folder, temporary, new_folder, name)
    except OSError as error:
        stale = error.errno == errno.EEXIST and _is_stale(new_folder, name)
        if error.errno not in UNSUPPORTED and not stale:
            raise
        if stale or _is_folder(folder, temporary):
            # This replaces an empty folder at most.
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=new_folder)
            return
        _place_by_link(folder, temporary, new_folder, name)


def _place_by_link(folder: int, temporary: bytes, new_folder: int, name: bytes) -> None:
    try:
        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=new_folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if look(new_folder, name) is not None and not _is_stale(new_folder, name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=new_folder)
    else:
        os.unlink(temporary, dir_fd=folder)


def set_aside(folder: int, name: bytes, temporary: bytes) -> None:
    """Give what has a name a temporary one.

    Raises:
        FileExistsError: a kill left that temporary name.
        OSError: it cannot be done.
    """
    try:
        syscalls.rename_new(folder, name, folder, temporary)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        # Only we make temporary names, and one at a time.
        if look(folder, temporary) is not None:
            raise FileExistsError(f"{temporary!r} is there already") from error
        os.rename(name, temporary, src_dir_fd=folder, dst_dir_fd=folder)


def replace(
    folder: int, swap: bytes, name: bytes, held: Grip, aside: bytes, keep: Keep, path: Path
) -> None:
    """Put what has a temporary name in the place of what is held, which is kept.

    Args:
        folder: the folder's descriptor.
        swap: the temporary name of the new.
        name: the name.
        held: what is there.
        aside: a temporary name for it where names cannot be exchanged.
        keep: is given what was there.
        path: what the name is called in the tree.

    Raises:
        RefusedError: something else was there; the new is under its temporary name, or gone.
        OSError: it cannot be done, or what was there cannot be kept; the same.
    """
    new = Fingerprint.of(os.stat(swap, dir_fd=folder, follow_symlinks=False))
    try:
        syscalls.exchange(folder, swap, name)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        take(folder, name, aside, held, keep, path, instead=swap)
        return
    try:
        _hand_over(folder, swap, held, keep, path)
    except BaseException:
        _exchange_back(folder, swap, name, new, keep, path)
        raise


def take(
    folder: int,
    name: bytes,
    aside: bytes,
    held: Grip,
    keep: Keep,
    path: Path,
    *,
    instead: bytes | None = None,
) -> None:
    """Take what is held from its name, and keep it; put something else there where that is wanted.

    Raises:
        RefusedError: something else was there, or is there now.
        OSError: it cannot be done, or what was there cannot be kept.
    """
    set_aside(folder, name, aside)
    try:
        _check(folder, aside, held, path)
        if instead is not None:
            place(folder, instead, folder, name)
    except BaseException:
        put_back(folder, aside, name, keep, path)
        raise
    try:
        _hand_over(folder, aside, held, keep, path)
    except BaseException:
        if instead is not None:
            set_aside(folder, name, instead)
        put_back(folder, aside, name, keep, path)
        raise


def move(
    source: int, name: bytes, target: int, new_name: bytes, held: Grip, path: Path, keep: Keep
) -> None:
    """Give what is held another name, which must not be taken, maybe in another folder.

    Raises:
        RefusedError: something else was there, or it was edited; it has its old name again, or
            the new one where the old one was taken meanwhile.
        OSError: it cannot be done.
    """
    try:
        syscalls.rename_new(source, name, target, new_name)
    except OSError as error:
        # The same name to this disk, or another one: that is found out.
        folded = error.errno == errno.EEXIST and _fold(name) == _fold(new_name)
        if error.errno not in UNSUPPORTED and not folded:
            raise
        if held.is_folder and not folded:
            os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=target)
        else:
            _move_by_aside(source, name, target, new_name, held, path, keep)
    try:
        _check(target, new_name, held, path)
    except RefusedError:
        with suppress(FileExistsError, FileNotFoundError):
            place(target, new_name, source, name)
        raise


def _move_by_aside(
    source: int, name: bytes, target: int, new_name: bytes, held: Grip, path: Path, keep: Keep
) -> None:
    aside = aside_name(held.status.st_ino, name)
    set_aside(source, name, aside)
    try:
        place(source, aside, target, new_name)
    except BaseException:
        put_back(source, aside, name, keep, path)
        raise


def put_back(folder: int, aside: bytes, name: bytes, keep: Keep, path: Path) -> None:
    """Give what was set aside its name again, or keep it where somebody has taken the name.

    Raises:
        OSError: it cannot be done; it stays under its temporary name.
    """
    try:
        place(folder, aside, folder, name)
    except FileExistsError:
        hand_to(keep, folder, aside, path)


def dispose(folder: int, temporary: bytes, ours: Fingerprint, keep: Keep, path: Path) -> None:
    """Remove what we made; keep it where somebody has edited it, or it is not ours at all."""
    found = look(folder, temporary)
    if found is None:
        return
    now = Fingerprint.of(found)
    if stat.S_ISDIR(found.st_mode):
        os.rmdir(temporary, dir_fd=folder)
        return
    if (now.inode, now.size, now.mtime_ns) == (ours.inode, ours.size, ours.mtime_ns):
        try:
            with grip(folder, temporary, now, path) as held:
                if held.untouched(folder, temporary):
                    os.unlink(temporary, dir_fd=folder)
                    return
        except RefusedError:
            pass  # somebody writes to it: it is worth keeping
    hand_to(keep, folder, temporary, path)


def _hand_over(folder: int, temporary: bytes, held: Grip, keep: Keep, path: Path) -> None:
    """Give what was displaced to who keeps it, if it is what was held."""
    _check(folder, temporary, held, path)
    keep(folder, temporary, path)
    if held.is_at(folder, temporary):
        _check(folder, temporary, held, path)
        os.unlink(temporary, dir_fd=folder)


def _exchange_back(
    folder: int, swap: bytes, name: bytes, new: Fingerprint, keep: Keep, path: Path
) -> None:
    """Exchange names until what comes out is what was put in.

    Somebody may put another file at the name each time; the last one stays there.
    """
    inside = new.inode
    for _ in range(_TRIES):
        coming = look(folder, swap)
        if coming is None:
            return
        try:
            syscalls.exchange(folder, swap, name)
        except FileNotFoundError:  # somebody removed what was put there
            put_back(folder, swap, name, keep, path)
            return
        out = look(folder, swap)
        if out is None or out.st_ino == inside:
            break
        inside = coming.st_ino
    dispose(folder, swap, new, keep, path)


def hand_to(keep: Keep, folder: int, temporary: bytes, path: Path) -> None:
    """Give something to who keeps it, and remove it where a copy was made.

    What was written to meanwhile stays under its temporary name, to be kept at the next start.

    Raises:
        OSError: it cannot be kept, and stays.
    """
    before = look(folder, temporary)
    keep(folder, temporary, path)
    after = look(folder, temporary)
    if before and after and Fingerprint.of(before) == Fingerprint.of(after):
        os.unlink(temporary, dir_fd=folder)


def _is_stale(folder: int, name: bytes) -> bool:
    """Whether a name is said to be taken that is not.

    Of a name the kernel says what a file system in user space said a second ago; its list is of
    now. After something was moved from a name, that is said of the name in any other case as well.
    """
    if look(folder, name) is None:
        return False
    return all(_fold(os.fsencode(each)) != _fold(name) for each in os.listdir(folder))


def _fold(name: bytes) -> str:
    return os.fsdecode(name).casefold()


def _is_folder(folder: int, name: bytes) -> bool:
    found = look(folder, name)
    return found is not None and stat.S_ISDIR(found.st_mode)


def _check(folder: int, temporary: bytes, held: Grip, path: Path) -> None:
    if not held.untouched(folder, temporary):
        raise RefusedError(Reason.CHANGED, path, "it changed meanwhile: look at it again")
