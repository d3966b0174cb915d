"""The node's side of the helper: asks it, over one connection that is made anew when it breaks."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Self

from simulacra.overlay.mesh import frames
from simulacra.overlay.mesh.changes import (
    Change,
    change_to_plain,
    seen_from_plain,
)
from simulacra.overlay.mesh.model import Seen

_PATIENCE: Final = 15.0


class HelperError(Exception):
    """The helper cannot be asked, or refuses: the text says why and what to do."""


class HelperClient:
    """Asks a helper; from any thread, one question at a time.

    Args:
        path: its socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: socket.socket | None = None
        self._lock = threading.Lock()

    def look(self) -> Seen:
        """The mesh as it is on this host."""
        return seen_from_plain(self._ask("look"))

    def apply(self, changes: Sequence[Change]) -> None:
        """Carry out changes, in order, up to the first that cannot be."""
        if changes:
            self._ask("apply", changes=[change_to_plain(each) for each in changes])

    def set_ruleset(self) -> None:
        """Put the plan's access lists in force."""
        self._ask("ruleset")

    def public_key(self, which: str = "present") -> str:
        """The public half of this host's key, the ``present`` or the ``next``."""
        return str(self._ask("key", which=which))

    def turn_key(self) -> str:
        """Have the next key be the present one; its public half."""
        return str(self._ask("turn"))

    def tunnels(self, relays: Iterable[str], gone: Iterable[str] = ()) -> list[dict[str, Any]]:
        """Have OpenVPN lead to these relays, and serve all but those that are gone.

        How each process is, as a map: ``name``, ``relay``, ``old``, ``device``, ``ready``, ``why``.
        """
        answer: list[dict[str, Any]] = self._ask(
            "tunnels", relays=sorted(relays), gone=sorted(gone)
        )
        return answer

    def fingerprint(self) -> str:
        """The fingerprint of this host's certificate for OpenVPN."""
        return str(self._ask("fingerprint"))

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, verb: str, **args: Any) -> Any:
        with self._lock:
            try:
                answer = self._exchange({"verb": verb, "args": args})
            except (OSError, frames.FrameError) as error:
                self._hang_up()
                raise HelperError(
                    f"the overlay's helper does not answer at {self._path}: {error}; is it up? "
                    "systemctl status simulacra-overlay-helper"
                ) from error
        if "error" in answer:
            raise HelperError(f"the overlay's helper refuses {verb}: {answer['error']}")
        return answer.get("ok")

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._connection is not None:
            # One that was started anew since is asked again.
            with contextlib.suppress(OSError):
                return self._once(self._connection, request)
            self._hang_up()
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(_PATIENCE)
        self._connection.connect(str(self._path))
        return self._once(self._connection, request)

    def _once(self, connection: socket.socket, request: dict[str, Any]) -> dict[str, Any]:
        frames.send(connection, request)
        answer = frames.receive(connection)
        if answer is None:
            raise ConnectionResetError("it hung up; may this user ask it?")
        return answer

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
