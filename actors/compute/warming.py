"""Memory that is taken from the kernel ahead of its use, while a worker waits for its state.

Most of what it takes to read 100 MB is the kernel's finding and clearing of that much memory, for
which the computation would stand still. What is got here is given back to the allocator, which is
told to keep it, so that what is read next is put there. What a state leaves there when it is
dropped stays with the process, for whatever comes next. With an allocator that cannot be told so,
as only glibc's can, nothing happens here.
"""

from __future__ import annotations

import ctypes
from typing import Final

MOST: Final = 2**30
"""Bytes: a state need not be of few large pieces, and then it does not use what is got here."""

_TRIM_THRESHOLD: Final = -1  # as in <malloc.h>
_MMAP_THRESHOLD: Final = -3
_MMAP_MAX: Final = -4

# mallopt(3): the defaults; and the thresholds, once set, grow no more by themselves, so they are
# set to what they grow to.
_MAPPINGS: Final = 65536
_THRESHOLD_LIMIT: Final = 32 * 2**20
_NEVER: Final = 2**31 - 1

_libc: Final = ctypes.CDLL(None)
_can: Final = hasattr(_libc, "mallopt") and hasattr(_libc, "malloc_trim")


def warm(size: int) -> None:
    """Have the allocator hold so many bytes ready, at most `MOST`, until `settle`."""
    if not _can:
        return
    _libc.malloc.restype, _libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    _libc.free.restype, _libc.free.argtypes = None, [ctypes.c_void_p]
    _libc.mallopt(_MMAP_MAX, 0)  # what has a mapping of its own goes back with it
    _libc.mallopt(_TRIM_THRESHOLD, _NEVER)
    size = min(size, MOST)
    memory = _libc.malloc(size)
    if memory:
        ctypes.memset(memory, 0, size)
        _libc.free(memory)


def settle() -> None:
    """After `warm`: give back what was not used, and let the allocator do as always."""
    if not _can:
        return
    _libc.mallopt(_MMAP_MAX, _MAPPINGS)
    _libc.mallopt(_MMAP_THRESHOLD, _THRESHOLD_LIMIT)
    _libc.mallopt(_TRIM_THRESHOLD, 2 * _THRESHOLD_LIMIT)
    _libc.malloc_trim(0)
