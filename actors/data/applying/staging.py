"""New content under a temporary name, in the folder that it is to be put in, checked and complete.

Nobody but us knows a temporary name, so what is staged may take any time to write. It is put in
place only after it is on the disk; `Unsynced` counts what is not yet: a few files are synced one by
one, more by one `syncfs`, which is what makes a batch of small files cheap.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulacra.actors.data.applying import attributing, syscalls, temporaries
from simulacra.actors.data.applying.folders import Folders, check_path
from simulacra.actors.data.applying.refusals import Reason, RefusedError, refusing
from simulacra.actors.data.entries import Attributes, Fingerprint, Kind, Path, parent

Write = Callable[[int], object]
"""Writes a file's content to a descriptor; raises when it is not what it should be."""

_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FEW: Final = 16


@dataclass(frozen=True, slots=True)
class Staged:
    """New content that waits to be put in place.

    Attributes:
        path: where it is to be.
        temporary: its name until then, in the same folder.
        fingerprint: what `stat` says of it.
        lacking: the extended attributes that the file system cannot keep.
        kind: what it is.
        number: the how manieth of all that was staged.
    """

    path: Path
    temporary: bytes
    fingerprint: Fingerprint
    lacking: tuple[bytes, ...] = ()
    kind: Kind = Kind.FILE
    number: int = 0


def sync_disk(root: int) -> None:
    """Put all of a tree on its disk, contents and names.

    Raises:
        OSError: some may not be on it.
    """
    try:
        syscalls.sync_file_system(root)
    except OSError as error:
        if error.errno not in syscalls.UNSUPPORTED:
            raise
        os.sync()


class Unsynced:
    """What has been made and may not be on the disk yet.

    The kernel tells of a write that failed once: what was staged until then must not be used, also
    if the next sync goes well.
    """

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._files: list[Staged] = []
        self._names: set[Path] = set()
        self._many = False
        self._inodes = False
        self._last = 0
        self._spoiled = 0

    @property
    def contents(self) -> bool:
        """Whether there may be contents that are not on the disk."""
        return bool(self._files) or self._many

    def add_content(self, staged: Staged) -> None:
        """A file was staged."""
        self._last = staged.number
        self._files.append(staged)
        self._many = self._many or len(self._files) > _FEW
        if self._many:
            self._files.clear()

    def add_names(self, *folders: Path) -> None:
        """Names in folders, or their attributes, were changed."""
        self._names.update(folders)

    def add_inode(self) -> None:
        """The attributes of a file were changed."""
        self._inodes = True

    def spoiled(self, staged: Staged) -> bool:
        """Whether something that was staged may never have come to the disk."""
        return staged.number <= self._spoiled

    def sync(self, *, names: bool) -> None:
        """Put contents on the disk, and names too where that is wanted.

        Raises:
            OSError: some may not be on the disk. None of it counts as done.
        """
        many = self._many or (names and (self._inodes or len(self._names) > _FEW))
        try:
            if many or not self._sync_few():
                sync_disk(self._folders.root)
                self._names.clear()
                self._inodes = False
        except OSError:
            self._spoiled = self._last
            raise
        finally:
            self._files.clear()
            self._many = False
        if names:
            for folder in self._names:
                self._sync_folder(folder)
            self._names.clear()

    def _sync_few(self) -> bool:
        """Sync file by file; False where one cannot be opened for that."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        for staged in self._files:
            try:
                folder = self._folders.open(parent(staged.path))
                descriptor = os.open(staged.temporary, flags, dir_fd=folder)
            except FileNotFoundError:  # thrown away since
                continue
            except (OSError, RefusedError):  # a link, or unreadable
                return False
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return True

    def _sync_folder(self, path: Path) -> None:
        try:
            descriptor = self._folders.open(path)
        except RefusedError:  # removed or moved since, and synced with where it was moved to
            return
        os.fsync(descriptor)


class Staging:
    """Makes new content in a tree's folders."""

    def __init__(self, folders: Folders, unsynced: Unsynced) -> None:
        self._folders = folders
        self._unsynced = unsynced
        self._run = secrets.randbits(64)
        self._number = 0

    def file(self, path: Path, write: Write, attributes: Attributes, size: int) -> Staged:
        """Write a file under a temporary name.

        Args:
            path: where it is to be.
            write: writes its content.
            attributes: what it is to have.
            size: how many bytes it must have then.

        Raises:
            RefusedError: it cannot be written, or has another size; nothing is left.
        """
        folder, temporary = self._place(path)
        with refusing(path):
            # As a rule it has its mode at once then: who may read it may read it now.
            descriptor = os.open(temporary, _NEW, attributes.mode & 0o777 | 0o600, dir_fd=folder)
            try:
                write(descriptor)
                status, lacking = self._finish(path, descriptor, attributes, size)
            except BaseException:
                os.unlink(temporary, dir_fd=folder)
                raise
            finally:
                os.close(descriptor)
        return self._staged(
            Staged(path, temporary, Fingerprint.of(status), lacking, number=self._number)
        )

    def made(
        self, path: Path, temporary: bytes, fingerprint: Fingerprint, lacking: tuple[bytes, ...]
    ) -> Staged:
        """Take a file that was staged for this by a `maker`."""
        self._number += 1
        return self._staged(Staged(path, temporary, fingerprint, lacking, number=self._number))

    def adopt(self, path: Path, source: str, attributes: Attributes, size: int) -> Staged | None:
        """Take a file that lies elsewhere, and is complete, instead of writing one.

        Args:
            path: where it is to be.
            source: where it is; it is gone from there.
            attributes: what it is to have.
            size: how many bytes it must have.

        Returns:
            None where it lies on another file system; it is as before then.

        Raises:
            RefusedError: it cannot be taken, or has another size; nothing is left of it.
        """
        folder, temporary = self._place(path)
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        with refusing(path):
            try:
                os.rename(source, temporary, dst_dir_fd=folder)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                return None
            try:
                descriptor = os.open(temporary, flags, dir_fd=folder)
                try:
                    status, lacking = self._finish(path, descriptor, attributes, size)
                finally:
                    os.close(descriptor)
            except BaseException:
                os.unlink(temporary, dir_fd=folder)
                raise
        return self._staged(
            Staged(path, temporary, Fingerprint.of(status), lacking, number=self._number)
        )

    def _finish(
        self, path: Path, descriptor: int, attributes: Attributes, size: int
    ) -> tuple[os.stat_result, tuple[bytes, ...]]:
        lacking = attributing.give_xattrs(descriptor, attributes.xattrs)
        attributing.set_time(descriptor, attributes.mtime_ns)
        status = os.fstat(descriptor)
        if stat.S_IMODE(status.st_mode) != stat.S_IMODE(attributes.mode):
            attributing.set_mode(descriptor, attributes.mode)
            status = os.fstat(descriptor)
        _check_size(path, status.st_size, size)
        return status, lacking

    def link(self, path: Path, target: bytes, attributes: Attributes) -> Staged:
        """Make a symbolic link under a temporary name.

        Raises:
            RefusedError: it cannot be made; nothing is left.
        """
        folder, temporary = self._place(path)
        with refusing(path):
            if b"\0" in target:
                raise RefusedError(Reason.BAD_NAME, path, "no link's text has a NUL in it")
            os.symlink(target, temporary, dir_fd=folder)
            try:
                attributing.set_time(temporary, attributes.mtime_ns, folder=folder)
                status = os.stat(temporary, dir_fd=folder, follow_symlinks=False)
            except BaseException:
                os.unlink(temporary, dir_fd=folder)
                raise
        return self._staged(
            Staged(path, temporary, Fingerprint.of(status), (), Kind.LINK, self._number)
        )

    def folder(self, path: Path, attributes: Attributes) -> Staged:
        """Make a folder under a temporary name.

        Raises:
            RefusedError: it cannot be made; nothing is left.
        """
        folder, temporary = self._place(path)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        with refusing(path):
            os.mkdir(temporary, 0o700, dir_fd=folder)
            try:
                descriptor = os.open(temporary, flags, dir_fd=folder)
                try:
                    lacking = attributing.give(descriptor, attributes, time=False)
                    status = os.fstat(descriptor)
                finally:
                    os.close(descriptor)
            except BaseException:
                os.rmdir(temporary, dir_fd=folder)
                raise
        return Staged(path, temporary, Fingerprint.of(status), lacking, Kind.FOLDER, self._number)

    def _place(self, path: Path) -> tuple[int, bytes]:
        check_path(path)
        folder = self._folders.open(parent(path))
        self._number += 1
        return folder, temporaries.new_name(self._run, self._number)

    def _staged(self, staged: Staged) -> Staged:
        self._unsynced.add_content(staged)
        return staged


def _check_size(path: Path, found: int, expected: int) -> None:
    if found != expected:
        raise RefusedError(Reason.FAILED, path, f"{found} bytes came, not {expected}")
