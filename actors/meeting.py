"""What it means for a node that another host is connected, or is lost: who of its parts is told.

A host from which this one keeps apart is not met. An outside host is met, and is no member: none
that others count on, and it cannot answer membership.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulacra.actors.cluster.registrar import REGISTRAR
from simulacra.actors.cluster.registrar import Connected as Arrived
from simulacra.actors.compute.computations import COMPUTATIONS
from simulacra.actors.compute.hosts import HOSTS, Connected
from simulacra.actors.compute.moves import HostLost, HostMet
from simulacra.actors.data.trees import trees
from simulacra.actors.data.trees.orders import Met
from simulacra.actors.runtime.group_sharing import GROUPS, ShareWith

if TYPE_CHECKING:
    from simulacra.actors.node import Node


class Meeting:
    """See the module.

    Args:
        node: this node.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def met(self, name: str) -> None:
        """A host is connected."""
        node = self._node
        peer = node.transport.peer(name)
        if peer is not None and peer.is_apart:
            return
        node.enrolment.met(name, node.neighbours.places().get(name, ""))
        if peer is not None and name not in node.enrolment.outside():
            node.cluster.met(name, peer.key, peer.endpoint.removeprefix("tcp://"))
        node.knowing.met(name)
        self._tell(REGISTRAR, Arrived(name))
        self._tell(GROUPS, ShareWith(name))
        self._tell(HOSTS, Connected(name))
        self._tell(COMPUTATIONS, HostMet(name))
        self._tell(trees.TREES, Met(name))

    def lost(self, name: str) -> None:
        """A host is connected no more."""
        self._node.system.groups.forget_node(name)
        self._node.cluster.lost(name)
        self._tell(COMPUTATIONS, HostLost(name))

    def shares(self, name: str) -> bool:
        """Whether a host has something in common with this one for which it stays connected."""
        node = self._node
        return node.system.groups.are_shared_with(name) or node.knowing.shares_tree(name)

    def _tell(self, actor: str, message: object) -> None:
        """Tell an actor of this node, if it has been started."""
        ref = self._node.system.whereis(actor)
        if ref is not None:
            ref.tell(message)
