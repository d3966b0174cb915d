"""Setting a deleted git repository aside: in the tree's quarantine, where its history is found yet.

It is moved there whole: ``git --git-dir .simulacra-quarantine/.repositories/NAME log --all`` shows
what was in it, until it is `KEPT_NS` old and another one comes.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import Final

from simulacra.actors.data.entries import QUARANTINE
from simulacra.actors.data.git.repository import Repository
from simulacra.actors.private_files import sync_folder

KEPT_NS: Final = 30 * 24 * 3600 * 10**9


def set_aside(root: Path, repository: Repository, now: int) -> None:
    """Move a repository out of its place; of a submodule only the file that leads to it goes.

    Args:
        root: the tree's.
        repository: it.
        now: nanoseconds since the epoch.

    Raises:
        OSError: it cannot be moved.
    """
    place, folder = repository.place, repository.folder
    if folder.parent != place and not repository.bare:
        (place / ".git").unlink()
        return
    aside = root / os.fsdecode(QUARANTINE) / ".repositories"
    aside.mkdir(mode=0o700, parents=True, exist_ok=True)
    _clear(aside, now)
    mode = place.stat().st_mode
    target = aside / f"{place.name[:200]}-{secrets.token_hex(4)}.git"
    os.utime(folder, ns=(now, now))
    folder.rename(target)
    if repository.bare:
        place.mkdir(mode=mode & 0o7777)  # Whether the folder goes too is the tree's to say.
    sync_folder(aside)
    sync_folder(place.parent if repository.bare else place)


def _clear(aside: Path, now: int) -> None:
    for old in aside.iterdir():
        if now - old.stat().st_mtime_ns > KEPT_NS:
            shutil.rmtree(old)
