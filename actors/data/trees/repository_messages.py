"""What the actors of one tree tell and ask one another about the git repositories in it.

``RepositoryNews`` is told when something has changed. Everything else is asked by whoever hears of
it: ``AskRepositories`` for what is in them, ``AskHistory`` for objects, which go as bulk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulacra.actors.runtime.wire_types import register


@register("tree.repositories.news")
@dataclass(frozen=True, slots=True)
class RepositoryNews:
    """What a host has changed.

    Attributes:
        host: which.
        digest: the same as long as all its repositories are the same.
        ask: whether it has not heard what is new here, and is to be told.
    """

    host: str
    digest: bytes
    ask: bool


@register("tree.repositories.ask")
@dataclass(frozen=True, slots=True)
class AskRepositories:
    """What is in those that are not as they were? Answered with `ToldRepositories`.

    Attributes:
        known: the token of each, by its path, as it was heard of last.
    """

    known: dict[bytes, bytes]


@register("tree.repositories.told")
@dataclass(frozen=True, slots=True)
class ToldRepositories:
    """What is in a host's repositories.

    Attributes:
        digest: of all, as in `RepositoryNews`.
        tokens: of all, by their paths: what changes with what is in one.
        states: of those that are not as known, packed; the first ones, if they are many.
        gone: those that were deleted: what was known of their replicas then, by their paths.
    """

    digest: bytes
    tokens: dict[bytes, bytes]
    states: dict[bytes, bytes]
    gone: dict[bytes, dict[str, int]]


@register("tree.history.ask")
@dataclass(frozen=True, slots=True)
class AskHistory:
    """A pack of a repository's objects? Answered with a bulk `Ticket`, once it is made.

    Attributes:
        path: of the repository in the tree.
        wanted: the objects to have, with all that they lead to.
        have: the objects that are there, with all that they lead to.
        shallow: the commits whose parents are not there.
    """

    path: bytes
    wanted: list[str]
    have: list[str]
    shallow: list[str]


def is_told(answer: Any) -> bool:
    """Whether what came is a `ToldRepositories`, and in it is what is to be in it."""
    return (
        type(answer) is ToldRepositories
        and _is_table(answer.tokens, bytes)
        and _is_table(answer.states, bytes)
        and answer.states.keys() <= answer.tokens.keys()
        and _is_table(answer.gone, dict)
        and all(_is_context(context) for context in answer.gone.values())
    )


def _is_table(found: Any, of: type) -> bool:
    return isinstance(found, dict) and all(
        isinstance(path, bytes) and isinstance(value, of) for path, value in found.items()
    )


def _is_context(found: dict[Any, Any]) -> bool:
    return all(isinstance(replica, str) and type(n) is int for replica, n in found.items())
