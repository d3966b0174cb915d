"""The keys by which hosts are let in, kept on disk: what `rotation` decides, carried out.

A host whose key is about to change has two; which of them is open at a device `doors` decides.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simulacra.actors.private_files import replace_private
from simulacra.actors.runtime.wire_types import register
from simulacra.overlay.mesh.rotation import (
    Accept,
    Command,
    Heard,
    Keep,
    Kept,
    Record,
    Rotation,
    Say,
    Turn,
)
from simulacra.overlay.plan.document import Plan

logger = logging.getLogger(__name__)

register("overlay.keys")(Record)
register("overlay.keys-heard")(Heard)


class Keyring:
    """One host's knowledge of all keys.

    Args:
        plan: the network's.
        host: this host, which has a key in the plan.
        file: where it is kept.
    """

    def __init__(self, plan: Plan, host: str, file: Path) -> None:
        self._file = file
        self.rotation = Rotation(host, planned_keys(plan), _read(file))

    def accepted(self) -> dict[str, tuple[str, ...]]:
        """The keys by which each node of the plan is let in, the one that it probably has first."""
        return {name: self.rotation.record(name).accepted for name in self.rotation.names}

    def carry_out(self, commands: Sequence[Command]) -> Iterator[Turn | Say]:
        """What is left to do, in order, after what has to be on disk before is there.

        Raises:
            OSError: it cannot be put there; what would follow is not to be done.
        """
        for command in commands:
            match command:
                case Keep():
                    replace_private(self._file, json.dumps(_to_plain(self.rotation.kept)))
                case Accept():
                    pass  # all are asked for anew whenever the mesh is decided on
                case Turn() | Say():
                    yield command


def planned_keys(plan: Plan) -> dict[str, tuple[str, str]]:
    """The key of each node of a plan, and the one that it is to have next or nothing."""
    return {
        name: (each.key, each.next)
        for name, each in plan.hosts.items()
        if each.kind == "node" and each.key
    }


def _to_plain(kept: Kept) -> dict[str, Any]:
    return {
        "format": 1,
        "own": asdict(kept.own),
        "heard": dict(kept.heard),
        "others": {name: asdict(record) for name, record in kept.others.items()},
    }


def _read(file: Path) -> Kept | None:
    if not file.exists():
        return None
    try:
        plain = json.loads(file.read_text())
        others = {str(name): _record(each) for name, each in plain["others"].items()}
        heard = {str(name): int(version) for name, version in plain["heard"].items()}
        return Kept(_record(plain["own"]), heard, others)
    except (OSError, ValueError, LookupError, TypeError) as error:
        # The plan has keys too, and the others know theirs: what was lost comes again.
        logger.error("%s cannot be read, and is begun anew: %s", file, error)  # noqa: TRY400
        return None


def _record(plain: Mapping[str, Any]) -> Record:
    return Record(**{**plain, "past": tuple(plain["past"])})
