"""What a computation needs of its node, handed in by the node."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass

from simulacra.actors.compute.moves import Offer, Software
from simulacra.actors.compute.placement import Network
from simulacra.actors.compute.remote_files import RemoteFiles
from simulacra.actors.compute.store import Store
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.bulk_server import BulkServer

THIS_SOFTWARE = Software(f"{sys.version_info.major}.{sys.version_info.minor}", platform.machine())


@dataclass(frozen=True, slots=True)
class Services:
    """The node, as its computations see it.

    Attributes:
        host: the node's name.
        store: what is kept of computations on this host's disk.
        bulk_server: offers snapshots to other hosts.
        bulk_client: fetches them.
        files: reads files of other hosts for workers.
        admit: why this host does not want what is offered, in a sentence, or None.
        network: the hosts that are up now, and the routes.
    """

    host: str
    store: Store
    bulk_server: BulkServer
    bulk_client: BulkClient
    files: RemoteFiles
    admit: Callable[[Offer], str | None]
    network: Callable[[], Network]
