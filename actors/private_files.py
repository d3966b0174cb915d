"""Files, most of which only their user may read, put in place whole: the old one or the new one.

That holds after a crash or a power cut too: a file is on the disk before it has its name, and its
name is before the caller goes on.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def replace_private(path: Path, content: str | bytes) -> None:
    """Put a content in the place of a file, 0600; its folder is made where it is missing.

    Raises:
        OSError: it cannot be written; what was there is there still.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_whole(path, content, 0o600)


def replace_whole(path: Path, content: str | bytes, mode: int) -> None:
    """Put a content in the place of a file, in a folder that is there.

    Raises:
        OSError: it cannot be written; what was there is there still.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names of a folder's files on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
