"""What can go wrong between actors, as exceptions that a caller may catch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pykka

from simulacra.actors.error_text import error_text

if TYPE_CHECKING:
    from simulacra.actors.runtime.reason import ExitReason
    from simulacra.actors.runtime.refs import Ref


class ActorDeadError(pykka.ActorDeadError):
    """The actor that was asked is not alive, or ended before it answered.

    Attributes:
        reason: why it ended; ``noproc`` when it never was, ``noconnection`` when its node is lost.
    """

    def __init__(self, text: str, reason: ExitReason | None = None) -> None:
        super().__init__(text)
        self.reason = reason


class AskTimeoutError(pykka.Timeout):
    """No answer came in time. The message may still be handled later."""


class MailboxFullError(Exception):
    """A bounded mailbox refused a message, or stayed full for as long as the sender would wait."""


class PeerBusyError(MailboxFullError):
    """The peer, or one full mailbox of it, took no more mail for as long as the sender waits."""


class NameTakenError(Exception):
    """Another living actor of this node has the name."""


class StartError(Exception):
    """An actor failed while it was starting.

    Attributes:
        reason: why.
    """

    def __init__(self, text: str, reason: ExitReason) -> None:
        super().__init__(text)
        self.reason = reason


class IgnoreStart(Exception):  # noqa: N818 - a request, not an error, as OTP's `ignore`
    """Raised by an actor's constructor or ``on_start``: do not start me, and that is no error."""


class ActorExit(Exception):  # noqa: N818 - a request, as Erlang's exit/1
    """Raised inside an actor to end it with a reason of its own choosing."""

    def __init__(self, reason: ExitReason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class RemoteError(Exception):
    """An error of another node or process, told as text because its class is not known here.

    Attributes:
        class_name: the qualified name of the error's class there.
        text: what ``str(error)`` said there.
        traceback_text: the formatted traceback from there, or an empty string.
    """

    def __init__(self, class_name: str, text: str, traceback_text: str = "") -> None:
        super().__init__(class_name, text, traceback_text)
        self.class_name = class_name
        self.text = text
        self.traceback_text = traceback_text

    def __str__(self) -> str:
        return f"{self.class_name}: {self.text}" if self.text else self.class_name


class SupervisorError(Exception):
    """A supervisor refused a request; it goes on as before."""


class AlreadyStartedError(SupervisorError):
    """A child with that id runs.

    Attributes:
        ref: the child.
    """

    def __init__(self, text: str, ref: Ref | None = None) -> None:
        super().__init__(text, ref)
        self.ref = ref

    def __str__(self) -> str:
        return str(self.args[0])


class AlreadyPresentError(SupervisorError):
    """The supervisor has a child spec with that id, and the child does not run."""


class ChildRunningError(SupervisorError):
    """The child runs, and what was asked needs one that does not."""


class ChildRestartingError(SupervisorError):
    """The child is being restarted."""


class ChildNotFoundError(SupervisorError):
    """The supervisor has no such child."""


class SimpleOneForOneError(SupervisorError):
    """What was asked means nothing to a supervisor of that strategy, or to one of another."""


def describe(error: BaseException) -> tuple[str, str, str]:
    """Tell an error as (class name, text, traceback text); a `RemoteError` as it was told."""
    import traceback  # noqa: PLC0415 - only errors pay for it

    if isinstance(error, RemoteError):
        return error.class_name, error.text, error.traceback_text
    cls = type(error)
    name = (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )
    return name, error_text(error), "".join(traceback.format_exception(error))
