"""Changing a tree on the disk, so that no edit is lost and no file is ever half there.

Every change says what it expects at its path, and is refused if that is not what is there: each is
a compare-and-swap. New content is staged under a temporary name first (`staging`), synced, and put
in place by a rename that replaces nothing, or one that exchanges it with the old file, which is
looked at once more and then handed to who keeps old versions (`displacing`, `gripping`).

What is promised:

- At any moment, also after a kill or a power cut, a path has its old or its new content, whole.
  `leftovers` clears up at the next start.
- An edit that somebody makes meanwhile stays where it was made, and the change is refused. A file
  that a program has open for writing is not replaced (`Reason.BUSY`).
- Where the kernel grants no lease (another user's file, some network file systems), a write through
  a descriptor that was open before goes to the version that is kept, if it comes after the rename.
- What was returned is on the disk after `sync`, which may raise: then it is to be done again.

A change that is refused leaves the others as they are. One thread at a time.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from simulacra.actors.data.applying import attributing, displacing, temporaries
from simulacra.actors.data.applying.displacing import Keep
from simulacra.actors.data.applying.folders import Folders, check_path
from simulacra.actors.data.applying.gripping import Grip, grip, grip_made, look
from simulacra.actors.data.applying.making import Made
from simulacra.actors.data.applying.permits import Permits
from simulacra.actors.data.applying.refusals import Reason, RefusedError, refusing
from simulacra.actors.data.applying.staging import Staged, Staging, Unsynced, Write
from simulacra.actors.data.entries import ROOT, Attributes, Fingerprint, Kind, Path, name, parent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Applied:
    """What a change came to.

    Attributes:
        fingerprint: what `stat` says of the path now; None where somebody may have edited it since,
            so that it has to be read again.
        lacking: the extended attributes that the file system cannot keep.
    """

    fingerprint: Fingerprint | None
    lacking: tuple[bytes, ...] = ()


class Applier:
    """Changes one tree.

    Args:
        folders: the tree.
        permits: what was made writable for a moment.
        keep: is given what is displaced.
        before_discard: told of what was staged, and is about to be thrown away.
    """

    def __init__(
        self,
        folders: Folders,
        permits: Permits,
        keep: Keep,
        before_discard: Callable[[Staged], None] = lambda _: None,
    ) -> None:
        self._before_discard = before_discard
        self._folders = folders
        self._permits = permits
        self._keep = keep
        self._unsynced = Unsynced(folders)
        self._staging = Staging(folders, self._unsynced)

    def stage_file(self, path: Path, write: Write, attributes: Attributes, size: int) -> Staged:
        """Write a file's content, to be put in place by `put`, or thrown away by `discard`.

        Raises:
            RefusedError: it cannot be written, or has another size than it should.
        """
        return self._permitted(
            lambda: self._staging.file(path, write, attributes, size), parent(path)
        )

    def stage_made(self, path: Path, made: Made) -> Staged:
        """As `stage_file`, with a file that a `maker` has staged."""
        return self._staging.made(path, *made)

    def adopt_file(
        self, path: Path, source: str, attributes: Attributes, size: int
    ) -> Staged | None:
        """As `stage_file`, with a complete file of ours that lies outside the tree.

        Returns None where that is on another file system: then it is to be copied.

        Raises:
            RefusedError: it cannot be taken, or has another size than it should.
        """
        return self._permitted(
            lambda: self._staging.adopt(path, source, attributes, size), parent(path)
        )

    def stage_link(self, path: Path, target: bytes, attributes: Attributes) -> Staged:
        """Make a symbolic link, to be put in place by `put`, or thrown away by `discard`.

        Raises:
            RefusedError: it cannot be made.
        """
        return self._permitted(lambda: self._staging.link(path, target, attributes), parent(path))

    def discard(self, staged: Staged) -> None:
        """Remove what was staged and is not wanted any more.

        Raises:
            RefusedError: it cannot be removed.
        """
        self._permitted(lambda: self._discard(staged), parent(staged.path))

    def put(self, staged: Staged, expected: Fingerprint | None) -> Applied:
        """Put what was staged in its place.

        Args:
            staged: what; it is gone afterwards, also when it is refused.
            expected: the file or link that is there; None where nothing is.

        Raises:
            RefusedError: something else is there, or it cannot be done.
        """
        try:
            with refusing(staged.path):
                self._check_synced(staged)
        except RefusedError:
            self.discard(staged)
            raise
        return self._permitted(lambda: self._put(staged, expected), parent(staged.path))

    def put_on_disk(self, staged: Staged) -> None:
        """Have what was staged on the disk, so that somebody else may put it in its place.

        Raises:
            RefusedError: it may not be; neither may be what was staged since by somebody else.
        """
        with refusing(staged.path):
            self._check_synced(staged)

    def was_put(self, staged: Staged) -> None:
        """Somebody else has put in its place what was staged."""
        self._unsynced.add_names(parent(staged.path))

    def make_folder(self, path: Path, attributes: Attributes) -> Applied:
        """Make a folder where nothing is.

        Raises:
            RefusedError: something is there, or it cannot be made.
        """
        staged = self._permitted(lambda: self._staging.folder(path, attributes), parent(path))
        return self._put(staged, None)

    def set_attributes(
        self,
        path: Path,
        expected: Fingerprint,
        kind: Kind,
        before: Attributes,
        after: Attributes,
    ) -> Applied:
        """Change mode, time and extended attributes of a file, a folder, or a link.

        Args:
            path: of what.
            expected: what is there; of a folder, its device and inode are compared.
            kind: what that is.
            before: the attributes it has.
            after: those it is to have.

        Raises:
            RefusedError: it is not what or as it was expected, or they cannot be changed.
        """
        if path != ROOT:
            check_path(path)
        folder, entry = self._folders.open(parent(path)), name(path) or b"."
        with refusing(path):
            self._permits.give_back((expected.device, expected.inode))
            is_folder = kind is Kind.FOLDER
            with grip(folder, entry, expected, path, is_folder=is_folder) as held:
                lacking = self._change(folder, entry, held, before, after, path)
                now = os.stat(entry, dir_fd=folder, follow_symlinks=False)
                same = held.sure and held.is_at(folder, entry) and held.unopened()
            if is_folder:
                self._unsynced.add_names(path)
            else:
                self._unsynced.add_inode()
        return Applied(Fingerprint.of(now) if same else None, lacking)

    def move(self, old: Path, new: Path, expected: Fingerprint, kind: Kind) -> Applied:
        """Move a file, a link, or a folder with all in it to where nothing is.

        Args:
            old: from where.
            new: to where.
            expected: what is there; of a folder, its device and inode are compared.
            kind: what that is.

        Raises:
            RefusedError: something else is at the old path, anything at the new one, or it cannot
                be done.
        """
        check_path(old)
        check_path(new)
        return self._permitted(
            lambda: self._move(old, new, expected, kind), parent(old), parent(new), old
        )

    def remove(
        self, path: Path, expected: Fingerprint, kind: Kind, keep: Keep | None = None
    ) -> None:
        """Remove a file, a link or an empty folder.

        Args:
            path: what.
            expected: what is there; of a folder, its device and inode are compared.
            kind: what that is.
            keep: is given the file instead of who keeps all others.

        Raises:
            RefusedError: something else is there, the folder is not empty, or it cannot be done.
        """
        check_path(path)
        self._permitted(
            lambda: self._remove(path, expected, kind, keep or self._keep), parent(path)
        )

    def sync(self) -> None:
        """Put all that was done on the disk, and make read-only again what was so before.

        Raises:
            RootLostError: the root was moved meanwhile: what was done is not in the tree now.
            RefusedError: what was done since the last time may not be on the disk.
        """
        with refusing(ROOT):
            self._permits.give_back()
            self._unsynced.sync(names=True)
        self._folders.forget()
        self._folders.check_root()

    def _put(self, staged: Staged, expected: Fingerprint | None) -> Applied:
        with refusing(staged.path):
            folder = self._folders.open(parent(staged.path))
            if expected is None:
                return self._put_new(folder, staged)
            return self._put_over(folder, staged, expected)

    def _check_synced(self, staged: Staged) -> None:
        if self._unsynced.contents:
            self._unsynced.sync(names=False)
        if self._unsynced.spoiled(staged):
            raise RefusedError(Reason.FAILED, staged.path, "it may not have come to the disk")

    def _discard(self, staged: Staged) -> None:
        with refusing(staged.path):
            folder = self._folders.open(parent(staged.path))
            self._dispose(folder, staged.temporary, staged)

    def _put_new(self, folder: int, staged: Staged) -> Applied:
        try:
            with self._fresh(folder, staged) as fresh:
                displacing.place(folder, staged.temporary, folder, name(staged.path))
                return self._placed(folder, staged, fresh)
        except BaseException:
            self._give_up(folder, staged.temporary, staged)
            raise

    def _put_over(self, folder: int, staged: Staged, expected: Fingerprint) -> Applied:
        path, entry, now = staged.path, name(staged.path), staged.temporary
        aside = temporaries.aside_name(expected.inode, entry)
        try:
            with (
                self._fresh(folder, staged) as fresh,
                grip(folder, entry, expected, path) as held,
            ):
                swap = temporaries.swap_name(staged.fingerprint.inode, entry)
                displacing.set_aside(folder, staged.temporary, swap)
                now = swap
                displacing.replace(folder, swap, entry, held, aside, self._keep, path)
                return self._placed(folder, staged, fresh)
        except BaseException:
            self._give_up(folder, now, staged)
            raise

    def _fresh(self, folder: int, staged: Staged) -> Grip:
        """Hold what was staged, so that an edit right after it came to its place is noticed."""
        temporary, ours, path = staged.temporary, staged.fingerprint, staged.path
        if staged.kind is Kind.FILE:
            return grip_made(folder, temporary, ours, path)
        is_folder = staged.kind is Kind.FOLDER
        return grip(folder, temporary, ours, path, is_folder=is_folder, may_be_busy=True)

    def _placed(self, folder: int, staged: Staged, fresh: Grip) -> Applied:
        """What was put in place, and whether it is so still."""
        self._unsynced.add_names(parent(staged.path))
        return _applied(fresh, fresh.now(folder, name(staged.path)), staged.lacking)

    def _change(
        self,
        folder: int,
        entry: bytes,
        held: Grip,
        before: Attributes,
        after: Attributes,
        path: Path,
    ) -> tuple[bytes, ...]:
        """Change the attributes of what is held, by a descriptor that is no other's."""
        if stat.S_ISLNK(held.status.st_mode):
            attributing.set_time(entry, after.mtime_ns, folder=folder)
            return tuple(key for key, _ in after.xattrs)
        descriptor = os.open(entry, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            what = attributing.by_descriptor(descriptor)
            has = stat.S_IMODE(os.fstat(descriptor).st_mode), attributing.xattrs_of(what)
            if not held.is_at(folder, entry) or has != (before.mode, before.xattrs):
                raise RefusedError(Reason.CHANGED, path, "somebody changed its attributes")
            if after.xattrs != before.xattrs:
                self._permits.lend(folder, entry, path)
            lacking = attributing.give(what, after, before.xattrs, time=not held.is_folder)
            self._permits.forget((held.status.st_dev, held.status.st_ino))
            return lacking
        finally:
            self._permits.give_back((held.status.st_dev, held.status.st_ino))
            os.close(descriptor)

    def _move(self, old: Path, new: Path, expected: Fingerprint, kind: Kind) -> Applied:
        source, target = self._folders.open(parent(old)), self._folders.open(parent(new))
        is_folder = kind is Kind.FOLDER
        with (
            refusing(old),
            grip(source, name(old), expected, old, is_folder=is_folder, may_be_busy=True) as held,
        ):
            if is_folder:
                self._folders.forget()
                source, target = self._folders.open(parent(old)), self._folders.open(parent(new))
            displacing.move(source, name(old), target, name(new), held, old, self._keep)
            self._unsynced.add_names(parent(old), parent(new))
            return _applied(held, held.now(target, name(new)))

    def _remove(self, path: Path, expected: Fingerprint, kind: Kind, keep: Keep) -> None:
        folder, entry = self._folders.open(parent(path)), name(path)
        is_folder = kind is Kind.FOLDER
        with refusing(path), grip(folder, entry, expected, path, is_folder=is_folder) as held:
            if is_folder:
                self._folders.forget()
                os.rmdir(entry, dir_fd=self._folders.open(parent(path)))
            else:
                aside = temporaries.aside_name(expected.inode, entry)
                displacing.take(folder, entry, aside, held, keep, path)
        self._unsynced.add_names(parent(path))

    def _permitted(self, act: Callable[[], T], *folders: Path) -> T:
        """Do something; again with folders made writable where that is what it lacks."""
        try:
            return act()
        except RefusedError as error:
            if error.reason is not Reason.DENIED:
                raise
            lent = [self._lend(folder) for folder in folders]
            if not any(lent):
                raise
            return act()

    def _lend(self, path: Path) -> bool:
        """Make a folder writable; what is none stays as it is."""
        with refusing(path):
            where = self._folders.open(parent(path))
            status = look(where, name(path) or b".")
            if status is None or not stat.S_ISDIR(status.st_mode):
                return False
            return self._permits.lend(where, name(path), path)

    def _give_up(self, folder: int, temporary: bytes, staged: Staged) -> None:
        """Leave nothing of what was staged after something went wrong."""
        with suppress(OSError):  # `leftovers` finds it; the first error is the one to tell
            self._dispose(folder, temporary, staged)

    def _dispose(self, folder: int, temporary: bytes, staged: Staged) -> None:
        self._before_discard(staged)
        displacing.dispose(folder, temporary, staged.fingerprint, self._keep, staged.path)


def _applied(held: Grip, status: os.stat_result | None, lacking: tuple[bytes, ...] = ()) -> Applied:
    sure = status is not None and held.sure
    return Applied(Fingerprint.of(status) if status and sure else None, lacking)
