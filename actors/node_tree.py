"""The tree of a node's actors: who is started, in which order, and of which of its parts.

::

    node (one_for_one)
    ├── groups               who is in which process group, told and heard
    ├── hosts                facts of this host, told and heard
    ├── membership           who is there, learned through any host
    ├── focus                who is master; starts and stops ``master`` here
    ├── services             what the master orders to run here
    ├── registrar            who was let into the network, told and heard
    ├── directory            what is said of the network, on every host
    ├── publisher            what this host says in it (these three only in a network)
    ├── exposing             the entrances for outside hosts
    ├── files                this host's files, for computations elsewhere
    ├── ports                this host's ports, for those who forward them
    ├── overlay              the mesh as it should be against the mesh as it is (with a plan only)
    ├── trees-pool           one actor a tree
    ├── trees                the table of them
    ├── tree-focus           moves their main stores
    ├── meanwhile            what ended here, for hosts that rejoin
    ├── runs                 commands of other hosts whose directory lies here
    ├── mounts               directories of other hosts, mounted here
    ├── power                wakes neighbours, and puts this host to sleep
    ├── provisioner          rents machines and lets them go (with the setting inventory only)
    └── compute (one_for_all)
        ├── post             mail to and from computations
        ├── computations-pool   one actor a computation
        └── computations     the table of them
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulacra.actors.cluster.directory import DIRECTORY
from simulacra.actors.cluster.focus import FOCUS
from simulacra.actors.cluster.membership import MEMBERSHIP
from simulacra.actors.cluster.registrar import REGISTRAR
from simulacra.actors.compute.computations import COMPUTATIONS, Computations, pool_spec
from simulacra.actors.compute.exposing import exposing_spec
from simulacra.actors.compute.file_service import FILES, Files
from simulacra.actors.compute.hosts import HOSTS, Hosts
from simulacra.actors.compute.mounting import MOUNTS, Mounts
from simulacra.actors.compute.ports import PORTS, Ports
from simulacra.actors.compute.post import Post
from simulacra.actors.compute.post_messages import POST
from simulacra.actors.compute.runs import RUNS, Runs
from simulacra.actors.compute.services import Services
from simulacra.actors.data.trees import trees
from simulacra.actors.data.trees.tree import Means
from simulacra.actors.data.trees.tree_focus import focus_spec
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime.childspec import ChildSpec, Flags
from simulacra.actors.runtime.group_sharing import GROUPS, GroupSharing
from simulacra.actors.runtime.supervisor import Supervisor
from simulacra.hosts.provision.bedtime import Bedtime
from simulacra.hosts.provision.power import POWER, Power
from simulacra.overlay.mesh import holding, overlay

if TYPE_CHECKING:
    from simulacra.actors.node import Node

BACKGROUND: Final = frozenset(
    {GROUPS, HOSTS, MEMBERSHIP, FOCUS, REGISTRAR, DIRECTORY, overlay.OVERLAY}
)
"""The actors by which hosts keep one another informed: what they say is no use of a connection."""


def specs(node: Node) -> list[ChildSpec]:
    """What stands below the root, in the order of its start."""
    near, folder = node.neighbours, node.settings.paths.state / node.settings.name
    mounts = folder / "mounts.json", near.connected, near.ssh_destination
    return [
        ChildSpec(GROUPS, GroupSharing, (near.told,), {"name": GROUPS}),
        ChildSpec(HOSTS, Hosts, (node.hosts,), {"name": HOSTS}),
        *node.cluster.specs(),
        exposing_spec(folder / "exposed.json"),
        ChildSpec(FILES, Files, (node.bulk_server,), {"name": FILES}),
        ChildSpec(PORTS, Ports, (), {"name": PORTS}),
        *_overlay(node),
        *trees.specs(
            node.settings.name, node.settings.paths.trees(node.settings.name), _tree_means(node)
        ),
        focus_spec(node.leading, node.knowing.view, near.inside),
        *node.detaching.specs(),
        ChildSpec(MOUNTS, Mounts, mounts, {"name": MOUNTS}),
        ChildSpec(RUNS, Runs, (node.bulk_server, node.transport.admits), {"name": RUNS}),
        ChildSpec(POWER, Power, (Bedtime(node),), {"name": POWER}),
        *_provisioner(node),
        _compute(node),
    ]


def _overlay(node: Node) -> list[ChildSpec]:
    if node.overlay is None:
        return []
    around = holding.Around(
        node.neighbours.connected, node.enrolment.expelled_hosts, node.bulk_client.bandwidth
    )
    return [holding.spec(node.overlay, around)]


def _provisioner(node: Node) -> list[ChildSpec]:
    if not node.settings.inventory:
        return []
    try:
        # Only who rents needs it, and what it needs.
        from simulacra.hosts.provision.cloud.of_node import node_spec  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise GatewayError(
            ErrorCode.FAILED,
            f"machines cannot be rented here, as the setting inventory says: {error}",
            "install it: pip install 'simulacra[hosts,cloud]'",
        ) from error
    return [node_spec(node)]


def _tree_means(node: Node) -> Means:
    return Means(
        node.bulk_server,
        node.bulk_client,
        node.knowing.holders,
        node.neighbours.inside,
        node.knowing.complete_holders,
        node.knowing.line,
        lambda: node.enrolment.signer.key,
    )


def _compute(node: Node) -> ChildSpec:
    """Mail and computations: without one of them the others are of no use."""
    near, name = node.neighbours, "compute"
    flags = Flags(strategy="one_for_all", intensity=5, period=10.0)
    post = node.settings.name, node.knowing.askable, near.absent
    children = [
        ChildSpec(POST, Post, post, {"name": POST}),
        pool_spec(),
        ChildSpec(COMPUTATIONS, Computations, (_services(node),), {"name": COMPUTATIONS}),
    ]
    return ChildSpec(name, Supervisor, (flags, children), {"name": name}, kind="supervisor")


def _services(node: Node) -> Services:
    return Services(
        host=node.settings.name,
        store=node.store,
        bulk_server=node.bulk_server,
        bulk_client=node.bulk_client,
        files=node.files,
        admit=lambda _: (
            "the node is going down" if node.stopping.is_set() else node.resting or None
        ),
        network=node.hosts.network,
    )
