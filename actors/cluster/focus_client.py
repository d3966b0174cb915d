"""Requests to the master for threads of this node: ask once, wait, know how it ended."""

from __future__ import annotations

from typing import Any

from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.desk import RefusedError
from simulacra.actors.runtime import Ref


class UnansweredError(Exception):
    """No master answered in time: the request may have been done or not."""


class FocusClient:
    """Requests to the master, for threads of this node.

    Args:
        focus: the ref of this host's focus.
    """

    def __init__(self, focus: Ref) -> None:
        self._focus = focus

    def request(
        self, kind: str, body: dict[str, Any], request: str, patience: float = 10.0
    ) -> m.Answer:
        """Ask the master, wherever it is, and wait for the answer.

        Args:
            kind: one of `entry_kinds.KINDS`, or ``focus`` with the body ``{"host": ..., "why":
                ...}``, where ``*`` stands for the first in line.
            body: plain data.
            request: an id that no other request has ever had; the same for a second try.
            patience: seconds until it is given up, 60 at most.

        Raises:
            RefusedError: the master refuses; the text says why.
            UnansweredError: no master answered in time.
        """
        asked = m.Request(request, kind, body, patience)
        answer: m.Answer = self._focus.ask(asked, timeout=patience + 5)
        if not answer.granted:
            raise RefusedError(str(answer.value))
        return answer
