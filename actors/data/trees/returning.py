"""A copy that was away for so long that the others have forgotten what it never heard.

Whoever follows a tree no more, or was expelled, is no member: nobody keeps tombstones for it. So
when it has the tree again its database may not speak, or what was deleted would come back. It is
put away, and the files that are still there are imported: what nobody else knows of goes into
quarantine (see `observing` and `quarantine`). A file beside the journal says under which signing
key, which an expelled host cannot have again, and for which root the journal was begun.
"""

from __future__ import annotations

import json
import logging
from enum import StrEnum
from pathlib import Path as FilePath
from typing import Any, Final

from simulacra.actors.data.entries import QUARANTINE
from simulacra.actors.data.trees.place import Place
from simulacra.actors.private_files import replace_private

logger = logging.getLogger(__name__)

_COUNTED: Final = 1000


class Stage(StrEnum):
    """How far a copy is that came back."""

    SETTLED = "settled"
    PUTTING_AWAY = "putting away"
    IMPORTING = "importing"


def prepare(place: Place, *, anew: bool = False) -> None:
    """Put away the database of a copy that was away; to be called before it is opened.

    Args:
        place: where the copy is.
        anew: whether the tree was not followed here until now.

    Raises:
        OSError: the disk does not take it.
    """
    said, identity = _said(place), place.identity
    root, before = said.get("root", ""), said.get("identity", "")
    stage = Stage(said.get("stage", Stage.SETTLED))
    if place.journal.exists() and (anew or before not in ("", identity)):
        logger.info("tree %s: what was known of it when it was here before is put away", place.root)
        _say(place, Stage.PUTTING_AWAY if root == str(place.root) else Stage.SETTLED)
        _put_away(place)
    elif stage is Stage.PUTTING_AWAY:
        _put_away(place)
    elif (root, before) != (str(place.root), identity):
        _say(place, stage)


def is_evicted(place: Place) -> bool:
    """Whether the files there are to be imported as those of a copy that was away."""
    return _said(place).get("stage") == Stage.IMPORTING


def settle(place: Place) -> None:
    """The import is done."""
    if is_evicted(place):
        _say(place, Stage.SETTLED)


def quarantined(root: FilePath) -> dict[str, int]:
    """How many files, `_COUNTED` at most, wait in each folder of a tree's quarantine."""
    found: dict[str, int] = {}
    try:
        folders = sorted((root / QUARANTINE.decode()).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    for folder in folders:
        files = (each for each in folder.rglob("*") if each.is_symlink() or not each.is_dir())
        count = sum(1 for _, _ in zip(range(_COUNTED), files, strict=False))
        if count:
            found[str(folder)] = count
    return found


def _put_away(place: Place) -> None:
    for database in (place.journal, place.index):
        for each in place.state.glob(f"{database.name}*"):
            each.unlink()
    if _said(place).get("stage") == Stage.PUTTING_AWAY:
        _say(place, Stage.IMPORTING)


def _say(place: Place, stage: Stage) -> None:
    said = {"identity": place.identity, "root": str(place.root), "stage": stage}
    replace_private(place.membership, json.dumps(said))


def _said(place: Place) -> dict[str, Any]:
    try:
        said = json.loads(place.membership.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        logger.warning("%s is damaged: it is written anew", place.membership)
        return {}
    return said if isinstance(said, dict) else {}
