"""What the file system of a tree's root can do, found out by trying; where it cannot be, it can."""

from __future__ import annotations

import os

from simulacra.actors.data.applying.temporaries import new_name

_ATTRIBUTE = b"user.simulacra"


def keeps_xattrs(root: int) -> bool:
    """Whether it can keep extended attributes; tried with the root, by its descriptor."""
    try:
        os.setxattr(root, _ATTRIBUTE, b"1")
        os.removexattr(root, _ATTRIBUTE)
    except OSError:
        return False
    return True


def folds_names(root: int) -> bool:
    """Whether it takes names for one that differ in case; tried in the root, by its descriptor.

    A kill leaves a temporary file that is cleared up like any other.
    """
    probe = new_name(os.getpid(), 0xA)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        os.close(os.open(probe, flags, 0o600, dir_fd=root))
    except OSError:
        return False
    try:
        os.stat(probe.upper(), dir_fd=root, follow_symlinks=False)
    except OSError:
        return False
    else:
        return True
    finally:
        os.unlink(probe, dir_fd=root)
