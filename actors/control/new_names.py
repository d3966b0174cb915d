"""Whether something new may have a name: no thing gets one that another has."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from simulacra.actors.cluster.naming import Kind, NamingError
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_PASSING: Final[Collection[Kind]] = ("computation", "service")


def check_free(node: Node, name: str, kind: Kind) -> None:
    """Refuse a name that another thing has, or that none can have.

    Raises:
        GatewayError: ``usage``.
    """
    _check(node, name, kind, ())


def check_free_to_run(node: Node, name: str, kind: Kind) -> None:
    """Refuse a name for a computation or a service, of which the directory knows too late.

    It names for a while those that have just ended. Computations are found by asking all hosts,
    and services are what the user wants.

    Raises:
        GatewayError: ``usage``.
    """
    _check(node, name, kind, _PASSING)
    if kind == "computation" and name in node.cluster.wanted():
        raise _refusal(f"{name} is the name of a service: choose another name")


def _check(node: Node, name: str, kind: Kind, but: Collection[Kind]) -> None:
    try:
        node.knowing.names().check_free(name, kind, but=but)
    except NamingError as error:
        raise _refusal(str(error)) from error


def _refusal(text: str) -> GatewayError:
    return GatewayError(ErrorCode.USAGE, text, "see which names are taken: simulacra where")
