"""Another host of the network, asked to have something run there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.compute.runs import RUNS, Holds, StartRun
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ASK: Final = 10.0


def check_host(node: Node, host: str) -> None:
    """Refuse a host on which nothing can be run now.

    Raises:
        GatewayError: it is none, with the reason.
    """
    if host == node.settings.name:
        return
    node.neighbours.call(host)
    if host in node.neighbours.inside():
        return
    if host in node.neighbours.connected():
        raise GatewayError(
            ErrorCode.DENIED,
            f"{host} is an outside host, where nothing of the network's can run",
            "see who is inside: simulacra status",
        )
    if host in node.neighbours.absent():
        raise GatewayError(
            ErrorCode.UNREACHABLE,
            f"{host} is not connected",
            "see who is connected: simulacra status",
        )
    raise GatewayError(
        ErrorCode.NOT_FOUND,
        f"there is no host {host} in the network",
        "see what hosts there are: simulacra status",
    )


def ask_host(node: Node, host: str, question: StartRun | Holds) -> Any:
    """Ask what runs commands there.

    Raises:
        GatewayError: the directory is not there, or there is no answer.
    """
    try:
        return node.system.ref(f"{RUNS}@{host}").ask(question, timeout=_ASK)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        path = os.fsdecode(question.folder) or "the home there"
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"the directory {path} cannot be entered on {host}: {error}",
            f"look there: simulacra spawn --on {host} --wait -- ls -ld {path}",
        ) from error
    except (ActorDeadError, AskTimeoutError, OSError) as error:
        raise GatewayError(
            ErrorCode.UNREACHABLE,
            f"{host} does not start it: {error}",
            "see who is connected, and with which version: simulacra status",
        ) from error
