"""Whether a computation's worker is started again when it has ended, as a pure decision.

The policies are OTP's: `permanent` always, `transient` unless it ended normally, `temporary` never;
more than `INTENSITY` restarts in `PERIOD` seconds are too many. Three ends are final whatever the
policy says (docs/decisions/006): code that could not be loaded, a limit that was exceeded, and the
same error twice from the same checkpoint. A command's exit code is its answer, unless it is
permanent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from simulacra.actors.compute.spec import Restart
from simulacra.actors.runtime.childspec import Backoff
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.restarts import RestartWindow, delay_before

INTENSITY: Final = 3
PERIOD: Final = 60.0
BACKOFF: Final = Backoff(initial=0.1, maximum=5.0)


@dataclass(frozen=True, slots=True)
class Again:
    """It is started again.

    Attributes:
        delay: after so many seconds.
        anew: from its beginning, for it had ended.
        why: what happened, and what is done, in words for its log.
    """

    delay: float
    anew: bool
    why: str


@dataclass(frozen=True, slots=True)
class Over:
    """It is not started again; ``reason`` has the first cause, ``why`` says which bound was met."""

    reason: ExitReason
    why: str | None = None


class Restarts:
    """The restarts of one computation on one host.

    Args:
        policy: when its worker is started again.
        command: whether it is a command, whose exit code is its answer.

    Attributes:
        count: how often it was started again.
        first_reason: why the oldest restart that still counts was needed, if there was one.
    """

    def __init__(self, policy: Restart, *, command: bool = False) -> None:
        self.count = 0
        self.first_reason: ExitReason | None = None
        self._policy = policy
        self._command = command
        self._window = RestartWindow()
        self._last_error: tuple[str, str] | None = None

    def saved(self) -> None:
        """It has a new checkpoint: the same error from there is another one."""
        self._last_error = None

    def ended(self, reason: ExitReason, now: float) -> Again | Over:
        """Decide about a worker that ended for a reason at a time in seconds."""
        if self._is_final(reason):
            return Over(reason)
        self._window = self._window.count(now, reason, PERIOD)
        self.first_reason = first = self._window.first_reason
        if self._window.exceeds(INTENSITY):
            why = f"started again {INTENSITY} times in {PERIOD:g} s, and lost again: it is given up"
            return Over(reason if reason == first else replace(reason, cause=first), why)
        self.count += 1
        delay = delay_before(BACKOFF, len(self._window.restarts))
        return Again(delay, anew=reason.is_normal, why=self._told(reason))

    def _told(self, reason: ExitReason) -> str:
        if reason.is_normal:
            return "it ended, as it should, and is started anew"
        if self._command:
            return f"it ended ({reason}); it is started again"
        failed = reason.error is not None and not isinstance(reason.detail, int)
        what = "it failed" if failed else "its worker was lost"
        return f"{what} ({reason}); it goes on from the newest checkpoint"

    def _is_final(self, reason: ExitReason) -> bool:
        if self._policy == "temporary" or (self._policy == "transient" and reason.is_normal):
            return True
        if reason.detail == "load" or reason.kind == "limit":
            return True
        if isinstance(reason.detail, int):  # a worker that only left a number was lost
            return self._command and self._policy == "transient"
        error = None if reason.error is None else reason.error[:2]
        last, self._last_error = self._last_error, error
        return error is not None and error == last
