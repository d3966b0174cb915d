"""Finding a tree of the network by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulacra.actors.cluster.facts import Fact
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.node import Node


def check_network(node: Node) -> None:
    """Refuse where there is no network.

    Raises:
        GatewayError: this host is in none.
    """
    if node.enrolment.charter is None:
        raise GatewayError(
            ErrorCode.USAGE,
            "trees belong to a network, and this host is in none",
            "make one: simulacra init; or join one: simulacra up --join TOKEN@HOST",
        )


def tree_fact(node: Node, name: str) -> Fact:
    """What the directory says of a tree.

    Raises:
        GatewayError: there is none of that name.
    """
    check_network(node)
    all_facts = node.knowing.view.find("tree")
    found = next((fact for fact in all_facts if fact.key.name == name), None)
    if found is None:
        known = ", ".join(sorted(fact.key.name for fact in all_facts)) or "none"
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"there is no tree {name}; there are: {known}",
            "see them: simulacra tree list; or make one: simulacra tree add NAME PATH",
        )
    return found
