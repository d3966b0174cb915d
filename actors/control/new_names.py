"""Whether something new may have a name: no thing gets one that another has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulacra.actors.cluster.naming import Kind, NamingError
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.node import Node


def check_free(node: Node, name: str, kind: Kind, *, unless: Kind | None = None) -> None:
    """Refuse a name that another thing has, or that none can have.

    Args:
        node: this node.
        name: the name.
        kind: what is to have it.
        unless: things of this kind may have it, as the directory names some that have just ended.

    Raises:
        GatewayError: ``usage``.
    """
    try:
        node.knowing.names().check_free(name, kind, unless=unless)
    except NamingError as error:
        raise GatewayError(
            ErrorCode.USAGE, str(error), "see which names are taken: simulacra where"
        ) from error
