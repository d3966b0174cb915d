"""System calls that Python does not have: renames that destroy nothing, `syncfs`, `openat2`.

Each raises OSError with the kernel's error number. Where the C library or the kernel lacks a call
that is ENOSYS; where the file system does, EINVAL.
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Any, Final

_NOREPLACE: Final = 1
_EXCHANGE: Final = 2
_PR_SET_PDEATHSIG: Final = 1
_OPENAT2: Final = 437  # on every architecture
_NO_XDEV: Final = 0x01
_NO_MAGICLINKS: Final = 0x02
_NO_SYMLINKS: Final = 0x04
_BENEATH: Final = 0x08

UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP})
"""What a call fails with where there is no such call."""

_libc: Final = ctypes.CDLL(None, use_errno=True)


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def _call(function: str, *arguments: Any) -> int:
    """Call a function of the C library, again where a signal came between."""
    call = getattr(_libc, function, None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    while (result := int(call(*arguments))) == -1:
        if (number := ctypes.get_errno()) != errno.EINTR:
            raise OSError(number, os.strerror(number))
    return result


def rename_new(folder: int, name: bytes, new_folder: int, new_name: bytes) -> None:
    """Give what is in a folder another name, which must not be taken (EEXIST)."""
    _call("renameat2", folder, name, new_folder, new_name, _NOREPLACE)


def exchange(folder: int, one: bytes, other: bytes) -> None:
    """Let two names of a folder change places, in one step that others see."""
    _call("renameat2", folder, one, folder, other, _EXCHANGE)


def sync_file_system(descriptor: int) -> None:
    """Put all of a file system on its disk, contents and names.

    Raises:
        OSError: it cannot; also when writing failed since the descriptor was opened.
    """
    _call("syncfs", descriptor)


def die_with_parent(signal: int) -> None:
    """Have this process sent a signal when the thread that started it ends."""
    _call("prctl", _PR_SET_PDEATHSIG, ctypes.c_ulong(signal), 0, 0, 0)


def open_beneath(root: int, path: bytes, flags: int) -> int:
    """Open a path below a folder, by way of no link and no other file system (ELOOP, EXDEV)."""
    how = _OpenHow(flags | os.O_CLOEXEC, 0, _BENEATH | _NO_SYMLINKS | _NO_MAGICLINKS | _NO_XDEV)
    return _call(
        "syscall",
        ctypes.c_long(_OPENAT2),
        root,
        path,
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
