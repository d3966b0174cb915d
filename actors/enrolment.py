"""A node's part in its network's admissions: its charter, the registrar, and the door it keeps.

Without a charter (the host was never let into a network) there is none of it; the node then knows
only the keys in the user's own list.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping

from simulacra.actors.addresses import is_loopback
from simulacra.actors.cluster import signing_keys
from simulacra.actors.cluster.admissions import Admission, Expulsion, Owner, Record
from simulacra.actors.cluster.charter import Charter
from simulacra.actors.cluster.door import Door
from simulacra.actors.cluster.enrolling import Enrolling
from simulacra.actors.cluster.events import EventLog
from simulacra.actors.cluster.invitations import DOOR_PORT
from simulacra.actors.cluster.reception import Reception
from simulacra.actors.cluster.registrar import REGISTRAR, Keep, Registrar
from simulacra.actors.runtime.childspec import ChildSpec
from simulacra.actors.runtime.keys import Member
from simulacra.actors.runtime.refs import Ref
from simulacra.actors.settings import Settings, split_address

logger = logging.getLogger(__name__)


class Enrolment:
    """See the module.

    Args:
        settings: the node's.
        events: where admissions and expulsions are told.

    Attributes:
        signer: this host's signing key.
        charter: what is kept of the network; None without one.

    Raises:
        CharterError, KeyFileError: what is kept cannot be used.
    """

    def __init__(self, settings: Settings, events: EventLog) -> None:
        self._settings = settings
        self._events = events
        self._door: Door | None = None
        self.signer = signing_keys.load_or_make(settings.paths.signing(settings.name))
        self.charter: Charter | None = None
        self.load()

    def load(self) -> None:
        """Read the charter, if there is one that is not yet known.

        Raises:
            CharterError: it cannot be used.
        """
        if self.charter is None:
            self.charter = Enrolling(self._settings.paths, self._settings.name).charter

    def members(self) -> list[Member]:
        """The other members, as the transport admits them."""
        if self.charter is None:
            return []
        places = self.charter.places
        return [
            Member(each.host, each.curve, places.get(each.host, ""), each.role == "outside")
            for each in self.charter.roll.members
            if each.signing != self.signer.key
        ]

    @property
    def is_outside(self) -> bool:
        """Whether this host reaches only what others exposed to it."""
        member = None if self.charter is None else self.charter.roll.holder(self.signer.key)
        return member is not None and member.role == "outside"

    def why_out(self, key: str) -> str | None:
        """Why this host is in its network no more; None while it is, or without a network.

        Args:
            key: the CURVE key that it shows the others.
        """
        if self.charter is None:
            return None
        member = self.charter.roll.holder(self.signer.key)
        if member is not None and member.curve != key:
            file = self._settings.paths.key(self._settings.name)
            return f"its key is not the one that {member.host} was let in with; was {file} lost?"
        return self.charter.roll.why_not(self.signer.key)

    def expelled(self) -> Collection[str]:
        """The keys that were taken out for good."""
        return () if self.charter is None else self.charter.roll.expelled.keys()

    def expelled_hosts(self) -> set[str]:
        """The hosts that were taken out and not let in again since."""
        if self.charter is None:
            return set()
        roll = self.charter.roll
        return {each.host for each in roll.expulsions if roll.host(each.host) is None}

    def outside(self) -> set[str]:
        """The hosts that reach only what was exposed."""
        return {each.name for each in self.members() if each.outside}

    def met(self, host: str, address: str) -> None:
        """A host was met at ``host:port``; the next start tries it there first."""
        if self.charter is None or self.charter.roll.host(host) is None:
            return
        try:
            self.charter.met(host, address)
        except OSError as error:
            logger.error("where %s is cannot be kept: %s", host, error)  # noqa: TRY400 - no bug

    def registrar(
        self, connected: Callable[[], list[str]], in_force: Callable[[], None]
    ) -> ChildSpec | None:
        """The registrar's place in the tree; None without a network.

        Args:
            connected: the hosts that are connected now.
            in_force: puts the members in force in the transport.
        """
        charter = self.charter
        if charter is None:
            return None

        def peers() -> list[str]:
            return [host for host in connected() if charter.roll.host(host) is not None]

        def changed(records: list[Record]) -> None:
            in_force()
            for record in records:
                self._tell(record)

        args = (self._settings.name, charter, peers, changed)
        return ChildSpec(REGISTRAR, Registrar, args, {"name": REGISTRAR})

    def _tell(self, record: Record) -> None:
        match record:
            case Admission():
                host = record.binding.host
                text = f"{host} was let in as {record.invitation.role} host"
                self._events.add("host.admitted", host, text, role=record.invitation.role)
            case Expulsion():
                why = record.reason or "no reason given"
                text = f"{record.host} is let in no more: {why}"
                self._events.add("host.expelled", record.host, text, reason=record.reason)
            case Owner():
                self._events.add("owner.named", "", f"{record.name} is an owner now")

    # -- the door

    @property
    def door(self) -> str | None:
        """HOST:PORT where hosts that were invited knock; None where this host has no door."""
        if self._door is None:
            return None
        host = split_address(self._settings.door or self._settings.listen)[0]
        return f"[{host}]:{self._door.port}" if ":" in host else f"{host}:{self._door.port}"

    def open_door(
        self,
        registrar: Ref,
        places: Callable[[], Mapping[str, str]],
        free: Callable[[str], None],
    ) -> None:
        """Let in who knocks with an invitation, if this host is an inside member.

        Args:
            registrar: keeps the admissions.
            places: where members listen, by host.
            free: raises `NamingError` for what no new host may be called.
        """
        charter = self.charter
        if charter is None or charter.door is None or self._door is not None:
            return
        reception = Reception(
            charter.network,
            self.signer,
            charter.door,
            roll=lambda: charter.roll,
            record=lambda admission: registrar.ask(Keep([admission])),
            places=lambda: charter.places | dict(places()),
            free=free,
            clock=time.time,
        )
        host, port = split_address(self._settings.door or self._settings.listen)
        wanted = port if self._settings.door else DOOR_PORT
        try:
            self._door = Door(host, wanted, charter.door, reception.answer)
        except OSError as error:
            # Several nodes on one machine: the first has the door's own port.
            if self._settings.door or not is_loopback(host):
                logger.error("the door cannot open at %s:%d: %s", host, wanted, error)  # noqa: TRY400
                return
            self._door = Door(host, 0, charter.door, reception.answer)

    def close(self) -> None:
        """Shut the door."""
        if self._door is not None:
            self._door.close()
