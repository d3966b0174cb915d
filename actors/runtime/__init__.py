"""The actor runtime: supervised actors in one node and between nodes, with OTP's meaning."""

from simulacra.actors.runtime.actor import Actor
from simulacra.actors.runtime.children import ChildCounts, ChildInfo
from simulacra.actors.runtime.childspec import (
    BRUTAL_KILL,
    Backoff,
    ChildSpec,
    Flags,
    SpecError,
)
from simulacra.actors.runtime.errors import (
    ActorDeadError,
    ActorExit,
    AlreadyPresentError,
    AlreadyStartedError,
    AskTimeoutError,
    ChildNotFoundError,
    ChildRestartingError,
    ChildRunningError,
    IgnoreStart,
    MailboxFullError,
    NameTakenError,
    RemoteError,
    SimpleOneForOneError,
    StartError,
    SupervisorError,
)
from simulacra.actors.runtime.mailbox import Overflow
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.signals import Down, Exit
from simulacra.actors.runtime.supervision import SupervisorHandle
from simulacra.actors.runtime.supervisor import Supervisor
from simulacra.actors.runtime.system import ActorSystem

__all__ = [
    "BRUTAL_KILL",
    "Actor",
    "ActorDeadError",
    "ActorExit",
    "ActorSystem",
    "AlreadyPresentError",
    "AlreadyStartedError",
    "AskTimeoutError",
    "Backoff",
    "ChildCounts",
    "ChildInfo",
    "ChildNotFoundError",
    "ChildRestartingError",
    "ChildRunningError",
    "ChildSpec",
    "Down",
    "Exit",
    "ExitReason",
    "Flags",
    "IgnoreStart",
    "MailboxFullError",
    "NameTakenError",
    "Overflow",
    "Ref",
    "RemoteError",
    "SimpleOneForOneError",
    "SpecError",
    "StartError",
    "Supervisor",
    "SupervisorError",
    "SupervisorHandle",
]
