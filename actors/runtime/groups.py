"""Process groups: actors found by what they do instead of who they are, on every node.

An actor may be in several groups, and once in each; its end takes it out of all. Each node has its
own table: its own members, and those that other nodes told it of (see `group_sharing`); a node that
is lost takes its members along.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from simulacra.actors.runtime.refs import Ref

OnChange = Callable[[str, Ref, bool], None]
"""Told of (group, actor, whether it is now in it)."""


class Groups:
    """The groups as one node knows them; safe from any thread.

    Attributes:
        on_change: called after each change among the node's own members, in the changer's thread.
    """

    def __init__(self) -> None:
        self.on_change: OnChange = _nobody_listens
        self._lock = threading.Lock()
        self._members: defaultdict[str, dict[Ref, None]] = defaultdict(dict)
        self._groups_of: defaultdict[Ref, set[str]] = defaultdict(set)
        self._elsewhere: dict[str, defaultdict[str, dict[Ref, None]]] = {}

    # -- this node's own actors

    def join(self, group: str, ref: Ref) -> None:
        """Enter a living local actor."""
        with self._lock:
            self._members[group][ref] = None
            self._groups_of[ref].add(group)
        self.on_change(group, ref, True)
        if not ref.is_alive():  # it may have ended between the call and the entry
            self.leave_all(ref)

    def leave(self, group: str, ref: Ref) -> None:
        """Take an actor out, if it is in."""
        with self._lock:
            if group not in self._groups_of.get(ref, ()):
                return
            self._remove(group, ref)
            self._groups_of[ref].discard(group)
            if not self._groups_of[ref]:
                del self._groups_of[ref]
        self.on_change(group, ref, False)

    def leave_all(self, ref: Ref) -> None:
        """Take an actor out of every group."""
        if ref not in self._groups_of:
            return
        with self._lock:
            left = self._groups_of.pop(ref, set())
            for group in left:
                self._remove(group, ref)
        for group in sorted(left):
            self.on_change(group, ref, False)

    def _remove(self, group: str, ref: Ref) -> None:
        members = self._members.get(group)
        if members is not None:
            members.pop(ref, None)
            if not members:
                del self._members[group]

    def own(self) -> dict[str, list[Ref]]:
        """This node's members of every group."""
        with self._lock:
            return {group: list(members) for group, members in self._members.items()}

    # -- other nodes' actors

    def replace_node(self, node: str, members: Mapping[str, Iterable[Ref]]) -> None:
        """Another node has told all of its members."""
        told: defaultdict[str, dict[Ref, None]] = defaultdict(dict)
        told.update({group: dict.fromkeys(refs) for group, refs in members.items()})
        with self._lock:
            self._elsewhere[node] = told

    def change_elsewhere(self, node: str, group: str, ref: Ref, *, joined: bool) -> None:
        """An actor of another node has joined a group, or left it."""
        with self._lock:
            members = self._elsewhere.setdefault(node, defaultdict(dict))[group]
            if joined:
                members[ref] = None
            else:
                members.pop(ref, None)

    def forget_node(self, node: str) -> None:
        """A node is lost, and its members with it."""
        with self._lock:
            self._elsewhere.pop(node, None)

    def are_shared_with(self, node: str) -> bool:
        """Whether this node or another has members of which the two have told each other."""
        with self._lock:
            return bool(self._members) or any(self._elsewhere.get(node, _NOBODY).values())

    # -- all of them

    def members(self, group: str) -> list[Ref]:
        """Those in the group: this node's in the order in which they joined, then the others'."""
        with self._lock:
            found = dict(self._members.get(group, {}))
            for node in sorted(self._elsewhere):
                found |= self._elsewhere[node].get(group, {})
            return list(found)

    def names(self) -> list[str]:
        """All groups that have members, sorted."""
        with self._lock:
            others = (
                group
                for groups in self._elsewhere.values()
                for group, members in groups.items()
                if members
            )
            return sorted({*self._members, *others})


_NOBODY: Final[Mapping[str, dict[Ref, None]]] = {}


def _nobody_listens(_: str, __: Ref, ___: bool) -> None: ...
