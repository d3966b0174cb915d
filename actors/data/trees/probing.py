"""What the file system of a tree's root can do, found out by trying; where it cannot be, it can."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Final

from simulacra.actors.data.applying.temporaries import new_name

_ATTRIBUTE: Final = b"user.simulacra"
_MODE: Final = 0o640


def keeps_xattrs(root: int) -> bool:
    """Whether it can keep extended attributes; tried with the root, by its descriptor."""
    try:
        os.setxattr(root, _ATTRIBUTE, b"1")
        os.removexattr(root, _ATTRIBUTE)
    except OSError:
        return False
    return True


def keeps_modes(root: int) -> bool:
    """Whether it keeps permission bits, as Unix's do; tried in the root, by its descriptor."""

    def try_it(descriptor: int, _probe: bytes) -> bool:
        os.fchmod(descriptor, _MODE)
        return stat.S_IMODE(os.fstat(descriptor).st_mode) == _MODE

    return _with_probe(root, try_it, otherwise=True)


def folds_names(root: int) -> bool:
    """Whether it takes names for one that differ in case; tried in the root, by its descriptor."""

    def try_it(_descriptor: int, probe: bytes) -> bool:
        os.stat(probe.upper(), dir_fd=root, follow_symlinks=False)
        return True

    return _with_probe(root, try_it, otherwise=False)


def _with_probe(root: int, try_it: Callable[[int, bytes], bool], *, otherwise: bool) -> bool:
    """Try something with a file; a kill leaves a temporary one, cleared up like any other."""
    probe = new_name(os.getpid(), 0xA)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(probe, flags, 0o600, dir_fd=root)
    except OSError:
        return otherwise
    try:
        return try_it(descriptor, probe)
    except OSError:
        return otherwise
    finally:
        os.close(descriptor)
        os.unlink(probe, dir_fd=root)
