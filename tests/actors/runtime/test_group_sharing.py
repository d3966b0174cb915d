from __future__ import annotations

from simulacra.actors.runtime import Ref
from simulacra.actors.runtime.group_sharing import GROUPS, GroupSharing, ShareWith
from tests.actors.runtime.nodes import Network, Node, eventually
from tests.support import Scripted


def share(node: Node, other: Node) -> None:
    node.system.spawn(GroupSharing, lambda: [other.system.name], name=GROUPS)


def members(node: Node) -> list[Ref]:
    return node.system.groups.members("workers")


def test_members_are_known_on_every_node_and_leave_with_their_end() -> None:
    with Network("a", "b") as network:
        a, b = network.two()
        early = a.system.spawn(Scripted)
        a.system.groups.join("workers", early)
        share(a, b)
        share(b, a)
        a.system.ref(f"{GROUPS}@a").tell(ShareWith("b"))
        eventually(lambda: members(b) == [early])
        late, own = a.system.spawn(Scripted), b.system.spawn(Scripted)
        a.system.groups.join("workers", late)
        b.system.groups.join("workers", own)
        eventually(lambda: members(b) == [own, early, late])
        eventually(lambda: members(a) == [early, late, own])
        early.stop()
        eventually(lambda: members(b) == [own, late])
        assert b.system.groups.names() == ["workers"]
        a.system.groups.leave("workers", late)
        eventually(lambda: members(b) == [own])


def test_a_lost_node_takes_its_members_along() -> None:
    with Network("a", "b") as network:
        a, b = network.two()
        share(a, b)
        share(b, a)
        theirs = b.system.spawn(Scripted)
        b.system.groups.join("workers", theirs)
        eventually(lambda: members(a) == [theirs])
        a.system.groups.forget_node("b")
        assert members(a) == []
        assert a.system.groups.names() == []
