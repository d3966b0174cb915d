"""The actor runtime: supervised actors in one node and between nodes, with OTP's meaning."""

from simulacra.actors.runtime.actor import Actor
from simulacra.actors.runtime.errors import (
    ActorDeadError,
    ActorExit,
    AskTimeoutError,
    MailboxFullError,
    NameTakenError,
    RemoteError,
    StartError,
)
from simulacra.actors.runtime.mailbox import Overflow
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.signals import Down, Exit
from simulacra.actors.runtime.system import ActorSystem

__all__ = [
    "Actor",
    "ActorDeadError",
    "ActorExit",
    "ActorSystem",
    "AskTimeoutError",
    "Down",
    "Exit",
    "ExitReason",
    "MailboxFullError",
    "NameTakenError",
    "Overflow",
    "Ref",
    "RemoteError",
    "StartError",
]
