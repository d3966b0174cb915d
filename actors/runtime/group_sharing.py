"""Nodes tell each other who is in which group.

The actor ``groups`` of each node tells a new peer all of its members, and every peer each change,
in the order in which they happened. What is told twice changes nothing, so the two may overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors.runtime.actor import Actor
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.runtime.wire_types import register

GROUPS: Final = "groups"


@register("groups.all")
@dataclass(frozen=True, slots=True)
class AllMembers:
    """All members that a node has."""

    node: str
    members: dict[str, list[Ref]]


@register("groups.change")
@dataclass(frozen=True, slots=True)
class Change:
    """An actor of a node has joined a group, or left it."""

    node: str
    group: str
    ref: Ref
    joined: bool


@dataclass(frozen=True, slots=True)
class ShareWith:
    """A peer has connected: tell it everything."""

    node: str


class GroupSharing(Actor):
    """See the module.

    Args:
        peers: the nodes that are connected now, or are when something is for them.
    """

    def __init__(self, peers: Callable[[], list[str]]) -> None:
        self._peers = peers

    def on_start(self) -> None:
        """Hear of changes from now on, and tell everybody how things are."""
        self.system.groups.on_change = self._changed
        for peer in self._peers():
            self._share_with(peer)

    def _changed(self, group: str, ref: Ref, joined: bool) -> None:
        """In the changer's thread."""
        self.ref.tell(Change(self.system.name, group, ref, joined))

    def on_receive(self, message: Any) -> Any:
        """A change here or elsewhere, or a new peer."""
        match message:
            case Change(node, group, ref, joined) if node != self.system.name:
                self.system.groups.change_elsewhere(node, group, ref, joined=joined)
            case Change():
                for peer in self._peers():
                    self.system.ref(f"{GROUPS}@{peer}").tell(message)
            case AllMembers(node, members):
                self.system.groups.replace_node(node, members)
            case ShareWith(node):
                self._share_with(node)
            case _:
                self.refuse(message)

    def _share_with(self, peer: str) -> None:
        members = AllMembers(self.system.name, self.system.groups.own())
        self.system.ref(f"{GROUPS}@{peer}").tell(members)
