"""The hosts that a node is connected with, or should be: by which keys, and where.

In a network of up to ``mesh`` hosts each is connected to each; in a larger one to those that
membership probes, and to those that it uses. With more connections than ``mesh`` a host rests
from those that were idle for long and that nobody needs (see runtime/parting.py).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import zmq

from simulacra.actors.addresses import reachable_host
from simulacra.actors.admitted import Admitted
from simulacra.actors.enrolment import Enrolment
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorSystem, AskTimeoutError
from simulacra.actors.runtime.bulk import BulkError
from simulacra.actors.runtime.keys import KeyFileError, KeyList, KeyPair
from simulacra.actors.runtime.roster import PeerRefusedError
from simulacra.actors.runtime.transport import Transport
from simulacra.actors.runtime.transport_settings import Settings as TransportSettings
from simulacra.actors.same_port import listen_again
from simulacra.actors.settings import Settings, split_address
from simulacra.actors.version import VERSION

if TYPE_CHECKING:
    from simulacra.actors.clustering import Clustering

_CALLING: Final = 5.0


class Neighbours:
    """See the module.

    Args:
        system: the node's actors.
        settings: the node's.
        enrolment: its part in its network's admissions.
        cluster: gives the node's part in its network, which is made after this.
        met: told the name of a host that was connected; after `tell`.
        lost: told the name of a host that is connected no more; after `tell`.
        shares: whether this host shares with another what both keep up to date while connected.
        background: the actors whose mail is no use of a connection.

    Attributes:
        key: this host's public key.
        pair: its key pair.
        admitted: whom it admits.
        transport: the sockets.

    Raises:
        GatewayError: a key cannot be used, or another program has the port.
    """

    def __init__(
        self,
        system: ActorSystem,
        settings: Settings,
        enrolment: Enrolment,
        *,
        cluster: Callable[[], Clustering],
        met: Callable[[str], None],
        lost: Callable[[str], None],
        shares: Callable[[str], bool],
        background: frozenset[int | str],
    ) -> None:
        self._system = system
        self._settings = settings
        self._enrolment = enrolment
        self._cluster = cluster
        self._shares = shares
        self._background = background
        self.pair = self._load_pair()
        self.key = self.pair.public
        self.admitted = Admitted(settings, enrolment, self.key)
        self._untold: list[Callable[[], None]] | None = []
        self._telling = threading.RLock()
        self.transport = self._open(met, lost)

    def tell(self) -> None:
        """Tell whom was met and lost while the node was being put together, and go on so."""
        with self._telling:
            for event in self._untold or ():
                event()
            self._untold = None

    def _happened(self, event: Callable[[], None]) -> None:
        """Tell of an event, or keep it until there is somebody to be told."""
        with self._telling:
            if self._untold is not None:
                self._untold.append(event)
                return
        event()

    def _load_pair(self) -> KeyPair:
        try:
            return KeyPair.load_or_make(self._settings.paths.key(self._settings.name))
        except KeyFileError as error:
            raise GatewayError(ErrorCode.FAILED, str(error), "then: simulacra up") from error

    def _open(self, met: Callable[[str], None], lost: Callable[[str], None]) -> Transport:
        listen = self._settings.listen
        host, port = split_address(listen)
        keys = self.admitted.read()

        def listening(port: int) -> Transport:
            bind, advertise = (
                f"tcp://{f'[{each}]' if ':' in each else each}:{port or '*'}"
                for each in (host, reachable_host(host))
            )
            return Transport(
                self._system,
                self.pair,
                keys,
                bind,
                advertise=advertise,
                settings=TransportSettings(
                    software=VERSION,
                    most=self._settings.mesh,
                    idle=self._settings.idle,
                    background=self._background,
                ),
                on_up=lambda peer, _: self._happened(partial(met, peer.name)),
                on_down=lambda peer, _: self._happened(partial(lost, peer.name)),
                on_rest=lambda peer, _: self._happened(lambda: self._cluster().rested(peer.name)),
                reach=self._reach,
                needs=self._needs,
            )

        try:
            if port:
                return listening(port)
            file = self._settings.paths.state / self._settings.name / "port"
            return listen_again(file, listening, _port_of)
        except zmq.ZMQError as error:
            raise GatewayError(
                ErrorCode.FAILED,
                f"cannot listen on {listen}: {error}",
                "see who does: ss -ltnp; or choose another: simulacra up --listen HOST:PORT",
            ) from error

    # -- who is admitted

    def admit(self) -> KeyList:
        """Put the network's records in force, with the user's list as it was read last."""
        keys = self.admitted.keys()
        self.transport.admit(keys)
        return keys

    def read_keys(self) -> KeyList:
        """Put the user's list in force as it is now.

        Raises:
            GatewayError: it cannot be used.
        """
        keys = self.admitted.read()
        self.transport.admit(keys)
        return keys

    # -- where they are

    def places(self) -> dict[str, str]:
        """Where the hosts are that are connected, and this one: ``host:port`` by name."""
        peers = [peer for peer in self.transport.peers() if peer.is_up]
        met = {peer.name: peer.endpoint.removeprefix("tcp://") for peer in peers}
        return met | {self._settings.name: self.address()}

    def ssh_destination(self, host: str) -> str | None:
        """What a host is to ssh: as the user says, else its address; None where that is unknown."""
        said = self._settings.ssh.get(host)
        address = self.places().get(host)
        if said is not None or address is None:
            return said
        at, _ = split_address(address)
        return f"[{at}]" if ":" in at else at

    def address(self) -> str:
        """HOST:PORT where other nodes reach this one."""
        return self.transport.endpoint.removeprefix("tcp://")

    def connected(self) -> list[str]:
        """The names of the nodes that are connected now."""
        return [peer.name for peer in self.transport.peers() if peer.is_up and not peer.is_apart]

    def told(self) -> list[str]:
        """The names of the nodes that hear what this one tells all: those at rest are called."""
        resting = {peer.name for peer in self.transport.peers() if peer.is_resting}
        return [*self.connected(), *sorted(resting.intersection(self._cluster().far()))]

    def inside(self) -> list[str]:
        """The names of the nodes that are connected now and may run code."""
        outside = self._enrolment.outside()
        return [name for name in self.connected() if name not in outside]

    def absent(self) -> list[str]:
        """The names of the nodes that are admitted and known, and not in reach now."""
        outside, peers = self._enrolment.outside(), self.transport.peers()
        resting = self._cluster().far() if any(peer.is_resting for peer in peers) else ()
        return [
            peer.name
            for peer in peers
            if not ((peer.is_up and not peer.is_apart) or peer.holding.is_open)
            and not (peer.is_resting and peer.name in resting)
            and peer.name not in outside
        ]

    # -- connecting

    def join(self) -> None:
        """Dial whom the user's list and settings name, and of the network as many as there is room.

        Raises:
            GatewayError: the settings name an address, and it is not known whose.
        """
        known = {peer.key for peer in self.transport.peers()}
        for address, key in self.admitted.to_join(self.address(), known):
            self.dial(f"tcp://{address}", key)

    def dial(self, endpoint: str, key: str) -> None:
        """Connect to a node, if it is admitted and not known yet."""
        known = {peer.key for peer in self.transport.peers()}
        if key not in known and key != self.key and self.transport.admits(key):
            self.transport.connect(endpoint, key)

    def wake(self, endpoint: str, key: str) -> None:
        """As `dial`; a node that rests is dialed, too."""
        if any(peer.key == key and peer.is_resting for peer in self.transport.peers()):
            self.transport.wake(endpoint, key)
        else:
            self.dial(endpoint, key)

    def meet(self, endpoint: str, key: str) -> None:
        """Connect to a host that is there, unless this node has many connections already."""
        live = self._cluster().live()
        under_way = [peer for peer in self.transport.peers() if peer.is_up or peer.key in live]
        if len(under_way) < self._settings.mesh:
            self.dial(endpoint, key)

    def _reach(self, host: str) -> tuple[str, str] | None:
        """Where a host is that is there and was not dialed so far, or rests."""
        member = self._cluster().far().get(host)
        return None if member is None else (f"tcp://{member.address}", member.key)

    def call(self, host: str) -> None:
        """Be connected within seconds to a host that is there and not dialed so far, or rests."""
        peer = self.transport.call(host)
        if peer is not None:
            with contextlib.suppress(AskTimeoutError, PeerRefusedError):
                self.transport.wait_up(peer, _CALLING)

    def dialed(self) -> set[str]:
        """The keys of the hosts that are connected, or should be; not of those called just now."""
        peers = self.transport.peers()
        called = {peer.key for peer in peers if peer.is_resting or peer.holding.is_open}
        return {peer.key for peer in peers if peer.is_up or peer.key not in called}

    def _needs(self, host: str) -> bool:
        """Whether the connection to a host stays, also while nothing goes over it."""
        if self._untold is not None:  # there is no cluster yet
            return True
        peer = self.transport.peer(host)
        return (
            peer is None
            or peer.is_apart
            or host in self._enrolment.outside()
            or self.admitted.is_said(peer.key, peer.endpoint.removeprefix("tcp://"))
            or self._cluster().needs(host)
            or self._shares(host)
        )

    def admits(self, host: str, key: str) -> bool:
        """Whether a host of that name may have that key."""
        if key == self.key:
            return host == self._settings.name
        member = self.transport.member(key)
        return member is not None and member.name == host

    def in_sight(self) -> list[str]:
        """The names of the nodes that are there and apart, as one of the two is detached."""
        return [peer.name for peer in self.transport.peers() if peer.is_up and peer.is_apart]

    def resolve(self, name: str) -> tuple[str, str]:
        """Where the bulk of a host that is connected is to be asked for, and its key.

        Raises:
            BulkError: it is not connected.
        """
        peer = self.transport.peer(name)
        host = urlsplit(peer.endpoint).hostname if peer is not None else None
        if peer is None or host is None:
            raise BulkError(f"{name} is not connected")
        return host, peer.key


def _port_of(transport: Transport) -> int:
    return split_address(transport.endpoint.removeprefix("tcp://"))[1]
