"""Which start of the machine this is: what is not on a disk yet is sure only until the next."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
"""Made up by the kernel when it starts."""


def boot_id() -> bytes:
    """The kernel's name for this start; empty where it has none."""
    try:
        return _BOOT.read_bytes().strip()
    except FileNotFoundError:
        return b""
