"""Exit reasons: why an actor ended, kept with the first cause.

The kinds are OTP's: ``normal``, ``shutdown`` (perhaps with a detail), ``killed`` (by a brutal
kill), ``noproc`` (there was no such actor), ``noconnection`` (its node is lost), ``error`` (its
code raised), or a word of the user's own. A reason passes along links unchanged, so the one who
started a chain is seen at its end; a reason made *because of* another one carries that as its
cause.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from simulacra.actors.runtime.errors import RemoteError, describe

_DETAIL_LIMIT: Final = 1000


@dataclass(frozen=True, slots=True)
class ExitReason:
    """Why an actor ended.

    Attributes:
        kind: one of the kinds above, or a word of the user's own.
        detail: plain data that goes with the kind, as in OTP's ``{shutdown, Term}``.
        error: for ``error``, what was raised as (class name, text, traceback text).
        cause: the reason that led to this one, if another actor's end did.
        exception: the living exception, known only in the node where it was raised; none for
            SystemExit and its like, which would end whoever it was raised for.
    """

    kind: str
    detail: Any = None
    error: tuple[str, str, str] | None = None
    cause: ExitReason | None = None
    exception: Exception | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of_error(cls, error: BaseException) -> ExitReason:
        """The reason of an actor whose code raised ``error``."""
        exception = error if isinstance(error, Exception) else None
        return cls("error", error=describe(error), exception=exception)

    def as_text(self) -> ExitReason:
        """The same with its details told as text, which always can be sent to other nodes."""
        cause = None if self.cause is None else self.cause.as_text()
        detail = None if self.detail is None else str(self.detail)[:_DETAIL_LIMIT]
        return ExitReason(self.kind, detail, self.error, cause)

    @property
    def is_normal(self) -> bool:
        """Whether a `transient` child that ends so is not restarted: normal or shutdown."""
        return self.kind in ("normal", "shutdown")

    @property
    def first_cause(self) -> ExitReason:
        """The reason at the beginning of the chain of causes."""
        reason = self
        while reason.cause is not None:
            reason = reason.cause
        return reason

    def to_exception(self) -> Exception:
        """The error to raise where this reason is reported."""
        if self.exception is not None:
            return self.exception
        if self.error is not None:
            return RemoteError(*self.error)
        return RemoteError("ExitReason", str(self))

    def __str__(self) -> str:
        text = self.kind
        if self.error is not None:
            text = f"{self.error[0]}: {self.error[1]}" if self.error[1] else self.error[0]
        elif self.detail is not None:
            text = f"{self.kind} ({self.detail})"
        if self.cause is not None:
            text += f", because of {self.first_cause}"
        return text


NORMAL: Final = ExitReason("normal")
SHUTDOWN: Final = ExitReason("shutdown")
KILLED: Final = ExitReason("killed")
NOPROC: Final = ExitReason("noproc")
NOCONNECTION: Final = ExitReason("noconnection")
