"""Files of trees one by one: how each copy stands, and what sync replaced or deleted of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from simulacra.actors.control.tree_files import TreeFile, TreeFiles
from simulacra.actors.data.entries import Path, shown
from simulacra.actors.data.trees.questions import (
    ListConflicts,
    ListVersions,
    RestoreVersion,
    ShowFile,
)
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.node import Node


class Versions:
    """The verbs ``tree_file``, ``tree_versions`` and ``tree_restore``."""

    def __init__(self, node: Node) -> None:
        self._files = TreeFiles(node)

    def file(self, call: Call) -> Iterator[object]:
        """How a file stands on every host that has its tree."""
        file = self._files.find(call.path("file"), call.path("folder"))
        copies = [self._copy(file, host) for host in self._files.hosts(file.tree)]
        copies += [
            {"host": host, "state": "out of reach", "reason": "it is not connected"}
            for host in self._files.away(file.tree)
        ]
        known: list[dict[str, Any]] = next(
            (copy["known"] for copy in copies if copy.get("known")), []
        )
        yield {
            "tree": file.name,
            "path": shown(file.path),
            "known": known,
            "conflict": self._in_conflict(file),
            "copies": [
                {name: copy[name] for name in ("host", "state", "reason")} for copy in copies
            ],
        }

    def versions(self, call: Call) -> Iterator[object]:
        """What is kept of a file on each host."""
        file = self._files.find(call.path("file"), call.path("folder"))
        found: list[dict[str, Any]] = []
        unknown: dict[str, str] = {}
        for host in self._files.hosts(file.tree):
            try:
                versions = self._files.ask(file.tree, host, ListVersions(file.path))
            except GatewayError as error:
                unknown[host] = error.message
                continue
            found += [{"host": host, **each, "path": shown(each["path"])} for each in versions]
        found.sort(key=lambda each: each["time"], reverse=True)
        unknown |= dict.fromkeys(self._files.away(file.tree), "it is not connected")
        yield {
            "tree": file.name, "path": shown(file.path), "versions": found, "unknown": unknown,
        }  # fmt: skip

    def restore(self, call: Call) -> Iterator[object]:
        """Put one back, on the host that has kept it."""
        folder = call.path("folder")
        file = self._files.find(call.path("file"), folder)
        to = self._target(file, call.path("to", None), folder)
        host = call.arg("on", str, None) or self._files.here
        if host not in self._files.hosts(file.tree):
            others = ", ".join(self._files.hosts(file.tree)) or "none in reach"
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"{host} has no copy of {file.name} in reach; hosts that have: {others}",
                f"say which host: simulacra tree restore {file.text} --on HOST",
            )
        question = RestoreVersion(file.path, call.arg("version", int, None), to)
        try:
            done = self._files.ask(file.tree, host, question)
        except GatewayError as error:
            hint = f"see which are kept: simulacra tree versions {file.text}"
            raise GatewayError(error.code, error.message, hint) from error
        done = {**done, "path": shown(done["path"]), "to": shown(done["to"])}
        yield {"tree": file.name, "host": host, **done}

    # -- parts

    def _target(self, file: TreeFile, to: str | None, folder: str) -> Path | None:
        if to is None:
            return None
        target = self._files.find(to, folder)
        if target.tree.key.subject != file.tree.key.subject:
            raise GatewayError(
                ErrorCode.USAGE,
                f"{target.text} is not in {file.name}",
                "restore it in its tree, and copy it from there",
            )
        return target.path

    def _copy(self, file: TreeFile, host: str) -> dict[str, Any]:
        try:
            about = self._files.ask(file.tree, host, ShowFile(file.path))
        except GatewayError as error:
            return {"host": host, "state": "unknown", "reason": error.message}
        return {"host": host, "known": about["known"], **_standing(about)}

    def _in_conflict(self, file: TreeFile) -> list[str]:
        """The names under which the sides are shown; none without a conflict."""
        for each in self._files.ask_one(file.tree, ListConflicts(path=file.path)):
            names = [each["path"], *(side["name"] for side in each["sides"])]
            if file.path in names:
                return [shown(name) for name in dict.fromkeys(names)]
        return []


def _standing(about: dict[str, Any]) -> dict[str, str]:
    """What a copy has of a file, and why not what it should."""
    wanted, synced, reason = about["wanted"], about["synced"], about["reason"]
    if reason:
        state = "waiting" if wanted is not None else "not kept"
    elif wanted is None and about["on_disk"] is not None:
        state, reason = "not kept", "it is ignored, or was not looked at yet"
    elif wanted is None:
        state, reason = "not there", "nothing is known under this name"
    elif about["chosen"] is False:
        state, reason = "not wanted", "this host follows a part of the tree only"
    elif wanted == synced and about["on_disk"] is None:
        state, reason = "changed", "it is gone from the disk, which was not looked at yet"
    elif wanted == synced and _differs(wanted, about["on_disk"]):
        state, reason = "changed", "it was edited, which was not looked at yet"
    elif wanted == synced:
        state = "in step"
    elif synced is None:
        state, reason = "missing", "it is known, and is brought next"
    else:
        state, reason = "older", "a newer one is known, and is brought next"
    return {"state": state, "reason": reason}


def _differs(entry: dict[str, Any], on_disk: dict[str, Any]) -> bool:
    return bool(entry["kind"] == "file" and entry["size"] != on_disk["size"])
