"""The other hosts that have a tree, as its actor reaches them for its threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.messages import News


@dataclass(frozen=True)
class Others:
    """See the module.

    Attributes:
        remote: another host's copy, by the host's name.
        hosts: the hosts that have one and are connected now, the main store's first.
        announce: tells hosts what is new here.
        members: the hosts that have a copy, this one and those that are away too.
        whole: those of them that have all of the tree.
        merges: whether texts are merged here, now.
    """

    remote: Callable[[str], RemoteTree]
    hosts: Callable[[], Sequence[str]]
    announce: Callable[[Iterable[str], News], None]
    members: Callable[[], Sequence[str]]
    whole: Callable[[], Iterable[str]]
    merges: Callable[[], bool] = lambda: False
