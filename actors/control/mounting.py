"""Mounting directories of other hosts here, and unmounting them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.compute.mounting import MOUNTS, Drop, Keep, List
from simulacra.actors.compute.sshfs import is_mount_point
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ASK: Final = 25.0


class Mounting:
    """The verbs ``mount``, ``unmount`` and ``mounts``."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def mount(self, call: Call) -> Iterator[object]:
        """Mount a directory of another host, and keep it mounted."""
        keep = Keep(call.arg("host", str), call.arg("path", str), call.arg("folder", str))
        self._check(keep)
        yield self._ask(keep)

    def unmount(self, call: Call) -> Iterator[object]:
        """Unmount it, and keep it no more."""
        folder = call.arg("folder", str)
        if not self._ask(Drop(folder)):
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"{folder} is not mounted by this node",
                "see what is: simulacra mounts",
            )
        yield {"folder": folder}

    def mounts(self, call: Call) -> Iterator[object]:
        """What is kept, and how it is."""
        del call
        yield {"mounts": self._ask(List())}

    def _check(self, keep: Keep) -> None:
        self._node.neighbours.call(keep.host)
        if keep.host not in self._node.neighbours.connected():
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"{keep.host} is not connected",
                "see who is connected: simulacra status",
            )
        folder = Path(keep.folder)
        if is_mount_point(keep.folder):
            raise GatewayError(
                ErrorCode.FAILED,
                f"something is mounted at {folder} already",
                f"see what: findmnt {folder}; or: simulacra unmount {folder}",
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if folder.is_symlink() or any(folder.iterdir()):
                raise FileExistsError(f"{folder} is a link, or not empty")
        except OSError as error:
            raise GatewayError(
                ErrorCode.FAILED,
                f"nothing can be mounted at {folder}: {error}",
                "take a directory that is empty, or is not there yet",
            ) from error

    def _ask(self, question: Keep | Drop | List) -> Any:
        try:
            return self._node.system.ref(MOUNTS).ask(question, timeout=_ASK)
        except OSError as error:
            raise GatewayError(
                ErrorCode.FAILED,
                f"it cannot be done: {error}",
                "see whether ssh gets there; what a host is to ssh stands in simulacra.toml: [ssh]",
            ) from error
        except (ActorDeadError, AskTimeoutError) as error:
            raise GatewayError(
                ErrorCode.TIMED_OUT,
                f"it is not done yet: {error}",
                "see how it is: simulacra mounts",
            ) from error
