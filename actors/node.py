"""A node: one host's parts, put together here and nowhere else.

Its actors stand in a tree (node_tree.py). Around the tree stand what has threads of its own: the
transport, bulk, the gateway. A node holds a lock on its folder, so that no two of one name start
the same computations. When the tree ends, the node does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from simulacra.actors import node_tree
from simulacra.actors.cluster.charter import CharterError
from simulacra.actors.cluster.events import EventLog
from simulacra.actors.cluster.hooks import Hooks
from simulacra.actors.cluster.members import State
from simulacra.actors.cluster.registrar import REGISTRAR
from simulacra.actors.clustering import Clustering
from simulacra.actors.compute.computing import Described
from simulacra.actors.compute.hosts import HostTable
from simulacra.actors.compute.remote_files import RemoteFiles
from simulacra.actors.compute.store import Store
from simulacra.actors.control import verbs
from simulacra.actors.control.placing import Waiting
from simulacra.actors.data.trees.leading import Leading
from simulacra.actors.detaching import Detaching
from simulacra.actors.enrolment import Enrolment
from simulacra.actors.folder_lock import lock
from simulacra.actors.gateway.call import Handler
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.gateway.server import Gateway
from simulacra.actors.knowing import Knowing
from simulacra.actors.meeting import Meeting
from simulacra.actors.neighbours import Neighbours
from simulacra.actors.runtime import ActorSystem, ExitReason, StartError
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.bulk_server import BulkServer
from simulacra.actors.runtime.childspec import Flags
from simulacra.actors.runtime.keys import KeyFileError, KeyPair
from simulacra.actors.runtime.supervision import SupervisorHandle
from simulacra.actors.runtime.supervisor import Supervisor
from simulacra.actors.settings import Settings, split_address
from simulacra.actors.version import VERSION
from simulacra.hosts.provision.verbs import PowerVerbs
from simulacra.overlay.mesh import overlay
from simulacra.overlay.mesh.verbs import overlay_verbs

logger = logging.getLogger(__name__)


class Node:
    """One host's node, running from the moment this is made until `close`.

    Attributes:
        stopping: set when it is to be closed, by ``down`` or because its tree has ended.
        failure: why its tree ended by itself; None while it stands.
        parting: as what the others are to know it when it has been closed.
        resting: why it takes no computations from others, as it is to sleep; else empty.

    Raises:
        GatewayError: it cannot be started; the text says why and what to do.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.started = time.monotonic()
        self.stopping = threading.Event()
        self.waiting: dict[str, Waiting] = {}
        self.last_seen: dict[str, list[tuple[Described, float]]] = {}
        self.failure: ExitReason | None = None
        self.parting = State.DETACHED
        self.resting = ""
        self.overlay: overlay.Overlay | None = None
        with contextlib.ExitStack() as begun:
            self._begin(begun)
            self._begun = begun.pop_all()

    def _begin(self, begun: contextlib.ExitStack) -> None:
        """Start all parts; ``begun`` ends those that did start, in reverse."""
        name, state = self.settings.name, self.settings.paths.state
        begun.callback(os.close, lock(state / name, name))
        self.settings = settings = self._enter_overlay(begun)
        hooks = Hooks(settings.hooks)
        begun.callback(hooks.close)
        self.events = EventLog(
            settings.paths.state / settings.name / "events.jsonl", listener=hooks.happened
        )
        self.enrolment = self._enrolment()
        begun.callback(self.enrolment.close)
        self.system = ActorSystem(settings.name)
        begun.callback(self.system.stop)  # for where a part below cannot start
        meeting = Meeting(self)
        self.neighbours = Neighbours(
            self.system,
            settings,
            self.enrolment,
            cluster=lambda: self.cluster,
            met=meeting.met,
            lost=meeting.lost,
            shares=meeting.shares,
            background=node_tree.BACKGROUND,
        )
        self.transport, pair = self.neighbours.transport, self.neighbours.pair
        begun.callback(self.transport.close)
        self.bulk_server = self._bulk_server(pair)
        begun.callback(self.bulk_server.close)
        self.bulk_client = BulkClient(pair, self.neighbours.resolve)
        begun.callback(self.bulk_client.close)
        self.detaching = Detaching(self)
        self.files = RemoteFiles(self.system, self.bulk_client, self.detaching.instead)
        begun.callback(self.files.close)
        self.hosts = HostTable(
            settings.name,
            VERSION,
            self.neighbours.connected,
            self.bulk_client.bandwidth,
            settings.labels,
            settings.zone,
        )
        self.cluster = Clustering(self.system, settings, self.events, self.hosts, self.neighbours)
        self.knowing = Knowing(self)
        self.leading = Leading(settings.name, self.knowing.view)
        begun.callback(self.knowing.close)
        self.store = Store(
            settings.paths.state / settings.name / "computations", settings.checkpoint_limit
        )
        self.gateway = Gateway(
            settings.paths.socket(settings.name),
            handlers(self),
            node=settings.name,
            version=VERSION,
        )
        begun.callback(self.system.stop)
        begun.callback(self.gateway.close)
        self._grow_tree()
        self.neighbours.tell()
        self._enter()
        self.detaching.begin()
        self.neighbours.join()
        self.gateway.start()

    # -- putting it together

    def _enter_overlay(self, begun: contextlib.ExitStack) -> Settings:
        """Bring the overlay up, if this host is in one; where it listens then is in there."""
        settings = self.settings
        if not settings.plan:
            return settings
        try:
            entered = overlay.Overlay(
                settings.name,
                Path(settings.plan),
                Path(settings.helper),
                overlay.keys_file(settings),
            )
        except overlay.OverlayError as error:
            raise GatewayError(ErrorCode.FAILED, str(error), error.hint) from error
        begun.callback(entered.close)
        self.overlay = entered
        return overlay.listening(settings, entered.address)

    def _bulk_server(self, pair: KeyPair) -> BulkServer:
        """What offers bytes in bulk: at the port that firewalls expect, or nowhere."""
        settings = self.settings
        host, _ = split_address(settings.listen)
        port = settings.bulk
        try:
            return BulkServer(settings.name, host, pair, self.transport.admits, port)
        except OSError as error:
            raise GatewayError(
                ErrorCode.FAILED,
                f"cannot listen on port {port} of {host} for bytes in bulk: {error.strerror}",
                "see who does: ss -ltnp; or choose another: simulacra up --bulk-port PORT",
            ) from error

    def _enrolment(self) -> Enrolment:
        try:
            return Enrolment(self.settings, self.events)
        except (CharterError, KeyFileError) as error:
            raise GatewayError(ErrorCode.FAILED, str(error), "then: simulacra up") from error

    def _grow_tree(self) -> None:
        """Start the actors, from the first to the last.

        Raises:
            GatewayError: one of them cannot start.
        """
        tree = node_tree.specs(self)
        with _explained():
            root = self.system.spawn(Supervisor, Flags(intensity=5, period=10.0), tree, name="node")
        self._root = SupervisorHandle(root)
        self.system.watch(root).on_answer(lambda reply: self._tree_ended(reply.outcome()[0]))

    def _tree_ended(self, reason: ExitReason) -> None:
        if not self.stopping.is_set():
            self.failure = reason
            self.stopping.set()

    # -- the network

    def _enter(self) -> None:
        """Take up the work of a member, if this host is in a network and does not do it yet."""
        spec = self.enrolment.registrar(self.neighbours.connected, self._admit_members)
        if spec is not None and self.system.whereis(REGISTRAR) is None:
            with _explained():
                self._root.start_child(spec)
                for each in self.knowing.specs():
                    self._root.start_child(each)
            self.knowing.open_dns()
            registrar, places = self.system.ref(REGISTRAR), self.neighbours.places
            self.enrolment.open_door(registrar, places, self._check_free)

    def _check_free(self, host: str) -> None:
        self.knowing.names().check_free(host, "host")

    def _admit_members(self) -> None:
        """Put the network's records in force, also while the user's own list cannot be read."""
        self.neighbours.admit()
        self.cluster.review()
        try:
            self.neighbours.join()
        except GatewayError as error:
            logger.error("not all hosts are dialed: %s", error)  # noqa: TRY400 - no bug
        self.knowing.view.trust_has_changed()

    def enter(self) -> None:
        """The network that this host is in was made or joined while the node was up.

        Raises:
            GatewayError: what is kept of it cannot be used.
        """
        try:
            self.enrolment.load()
        except CharterError as error:
            raise GatewayError(ErrorCode.FAILED, str(error), "then: simulacra up") from error
        self._enter()
        self.read_keys()

    def read_keys(self) -> tuple[int, list[str]]:
        """Put the list of keys in force as it is now; how many, and who lost its connection."""
        before = set(self.neighbours.connected())
        keys = self.neighbours.read_keys()
        self.cluster.review()
        self.neighbours.join()
        return len(keys.members()), sorted(before - set(self.neighbours.connected()))

    # -- the end

    def close(self) -> None:
        """End everything, in reverse; computations go on from their checkpoints later."""
        self.stopping.set()
        self.cluster.part(self.parting)
        self._begun.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Have what keeps an actor from starting be said to people, as its actor says it."""
    try:
        yield
    except StartError as error:
        why = error.reason.first_cause.to_exception()
        raise GatewayError(ErrorCode.FAILED, str(why), "its log says more") from error


def handlers(node: Node) -> Mapping[str, Handler]:
    """All verbs of a node's gateway."""
    return {
        **verbs(node),
        **PowerVerbs(node).table(),
        **overlay_verbs(node.system, node.overlay),
    }
