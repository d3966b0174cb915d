"""Two hosts' actors of trees in this process, with real sockets between them, and no node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.sparing import Line
from simulacra.actors.data.trees.tree import Means, Tree, actor_name
from simulacra.actors.runtime import Ref
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.bulk_server import BulkServer
from simulacra.actors.runtime.keys import KeyPair
from tests.actors.runtime.nodes import Network, Node

HOSTS = ("a", "b")
TREE = "1"


class Side:
    """One host.

    Attributes:
        root: of the tree on its disk.
        means: what a node would give its trees.
        dials: the address at which it fetches from others.
    """

    def __init__(self, folder: Path, node: Node, keys: dict[str, KeyPair]) -> None:
        self.name = node.system.name
        self.node = node
        self.dials = "127.0.0.1"
        self.folder = folder / self.name
        self.root = self.folder / "root"
        self.root.mkdir(parents=True)
        mine, admitted = keys[self.name], {each.public for each in keys.values()}
        self.bulk_server = BulkServer(self.name, "127.0.0.1", mine, admitted.__contains__)
        self.bulk_client = BulkClient(mine, lambda host: (self.dials, keys[host].public))
        self.means = Means(
            self.bulk_server,
            self.bulk_client,
            lambda _: HOSTS,
            lambda: [peer.name for peer in node.transport.peers() if peer.is_up],
            lambda _: HOSTS,
            Line,
        )

    def definition(self, rate: int | None = None) -> Definition:
        return Definition(TREE, "src", str(self.root), origin=self.name == "a", rate=rate)

    def start(self, rate: int | None = None) -> Ref:
        """Start its actor of the tree, to fetch so many bytes a second at most."""
        place = Place(self.name, self.root, self.folder / "state")
        return self.node.system.spawn(
            Tree, self.definition(rate), place, self.means, name=actor_name(TREE)
        )

    def close(self) -> None:
        self.node.system.stop(10)  # trees fetch until they end
        self.bulk_client.close()
        self.bulk_server.close()


@contextmanager
def two_sides(folder: Path) -> Iterator[tuple[Side, Side]]:
    """Both hosts, connected; trees are started by who uses them."""
    with Network(*HOSTS) as network, ExitStack() as stack:
        nodes = network.two()
        a, b = (Side(folder, node, network.pairs) for node in nodes)
        stack.callback(b.close)
        stack.callback(a.close)
        yield a, b
