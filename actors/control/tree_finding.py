"""Finding trees: those of the network by their names, and what this host has of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.cluster.facts import Fact
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.trees import TREES, ListTrees
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_ANSWER: Final = 30.0


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


def listed(node: Node, fact: Fact) -> dict[str, Any]:
    """What is told of a tree: where its main store is, and which hosts have a copy, and where."""
    tree = fact.key.subject
    copies = node.knowing.view.find("copy", name=tree)
    return {
        "name": fact.key.name,
        "id": tree,
        "main": fact.value["host"],
        "epoch": fact.epoch.counter,
        "hosts": {each.key.subject: each.value["path"] for each in copies},
    }


def definitions_here(node: Node) -> list[Definition]:
    """What this host has of trees.

    Raises:
        GatewayError: see `ask_trees`.
    """
    found: list[Definition] = ask_trees(node, ListTrees())
    return found


def definition_here(node: Node, tree: str) -> Definition | None:
    """What this host has of a tree, by its id; None for nothing."""
    return next((each for each in definitions_here(node) if each.id == tree), None)


def own_definition(node: Node, name: str) -> Definition:
    """What this host has of a tree.

    Raises:
        GatewayError: there is no such tree, or no copy of it here.
    """
    definition = definition_here(node, tree_fact(node, name).key.subject)
    if definition is None:
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"{node.settings.name} has no copy of {name}",
            f"have one: simulacra tree follow {name} PATH",
        )
    return definition


def ask_trees(node: Node, message: object) -> Any:
    """Ask the table of this host's trees.

    Raises:
        GatewayError: it does not answer.
    """
    try:
        return node.system.ref(TREES).ask(message, timeout=_ANSWER)
    except (ActorDeadError, AskTimeoutError) as error:
        raise GatewayError(
            ErrorCode.FAILED,
            f"the trees of this host do not answer: {error}",
            "its log says more",
        ) from error
