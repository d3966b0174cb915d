"""What a host keeps of its network: whose it is, the keys of its doors, and who was let in.

One file that only its user may read, since it has the doors' secret. It is written anew as
a whole beside the old one and then takes its place: a crash leaves the one or the other. Records
are only ever added (see `roll`), so whoever wants to know what another host has compares sets.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from simulacra.actors.cluster.admissions import Admission, Expulsion, Owner, Record
from simulacra.actors.cluster.reception import DoorKeys, Welcome
from simulacra.actors.cluster.records import MalformedRecordError, plain, read
from simulacra.actors.cluster.roll import Roll
from simulacra.actors.private_files import replace_private

SCHEMA: Final = 1
_KINDS: Final[dict[str, type[Record]]] = {
    "owner": Owner,
    "admission": Admission,
    "expulsion": Expulsion,
}


class CharterError(Exception):
    """The file cannot be used; the text says why and what to do."""


def to_plain(record: Record) -> list[Any]:
    """A record with the name of its kind, as plain data."""
    return [type(record).__name__.lower(), plain(record)]


def from_plain(data: Any) -> Record:
    """The record that `to_plain` took apart; its signatures are not looked at.

    Raises:
        MalformedRecordError: it is none.
    """
    match data:
        case [str(kind), fields] if kind in _KINDS:
            return read(_KINDS[kind], fields)
    raise MalformedRecordError("a record is its kind and its fields")


class Charter:
    """The network that a host is in; safe from any thread.

    Args:
        file: where it is kept.
        network: its name.
        door: the CURVE keys of its doors; None for an outside host.
        roll: what follows from the records.
        places: where members were met last, ``host:port`` by host; a hint for the next start.
    """

    def __init__(
        self,
        file: Path,
        network: str,
        door: DoorKeys | None,
        roll: Roll,
        places: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.file = file
        self.network = network
        self.door = door
        self._roll = roll
        self._places = dict(places)
        self._lock = threading.Lock()

    @property
    def roll(self) -> Roll:
        """Who is a member, as the records say that are known now."""
        return self._roll

    @classmethod
    def found(
        cls, file: Path, network: str, door: DoorKeys, root: str, records: Iterable[Record]
    ) -> Charter:
        """A new network's, written down."""
        charter = cls(file, network, door, Roll.of(root, records))
        charter._write()
        return charter

    @classmethod
    def join(cls, file: Path, welcome: Welcome) -> Charter:
        """That of a network that let this host in, written down."""
        places = {place.host: place.address for place in welcome.places}
        charter = cls(file, welcome.network, welcome.door, welcome.roll(), places)
        charter._write()
        return charter

    @classmethod
    def load(cls, file: Path) -> Charter | None:
        """The one in a file; None if there is none.

        Raises:
            CharterError: it is damaged, of a newer version, or others may read it.
        """
        if not file.exists():
            return None
        if file.stat().st_mode & 0o077:
            raise CharterError(
                f"{file} may be read by others, and has the secret of the network's doors: if you "
                f"are sure that nobody read it, type: chmod 600 {file}"
            )
        try:
            return cls._read(file, json.loads(file.read_text()))
        except (KeyError, TypeError, ValueError) as error:
            raise CharterError(
                f"{file} is damaged ({error}): put it back from a backup (simulacra restore), or "
                "delete it and join the network again"
            ) from error

    @classmethod
    def _read(cls, file: Path, data: dict[str, Any]) -> Charter:
        if data["schema"] > SCHEMA:
            raise CharterError(f"{file} was written by a newer Simulacra: upgrade this one")
        door = None if data["door"] is None else read(DoorKeys, data["door"])
        roll = Roll.of(data["root"], map(from_plain, data["records"]))
        return cls(file, str(data["network"]), door, roll, dict(data["places"]))

    def add(self, records: Iterable[Record]) -> list[Record]:
        """Keep records, on disk before this returns; which of them are new and sound.

        Raises:
            OSError: they cannot be written down; nothing has changed.
        """
        with self._lock:
            before, after = self._roll, self._roll.add(*records)
            new = [each for key, each in after.records.items() if key not in before.records]
            if new:
                self._roll = after
                try:
                    self._write()
                except OSError:
                    self._roll = before
                    raise
            return new

    @property
    def places(self) -> dict[str, str]:
        """Where members are likely to be met: where they were last, or were when they joined."""
        joined = {each.host: each.address for each in self._roll.members if each.address}
        met = {host: at for host, at in self._places.items() if self._roll.host(host)}
        return joined | met

    def met(self, host: str, address: str) -> None:
        """A member was met at ``host:port``.

        Raises:
            OSError: that cannot be written down.
        """
        with self._lock:
            if self._places.get(host) != address:
                self._places[host] = address
                self._write()

    def missing(self, ids: Sequence[str]) -> list[Record]:
        """The records that one who has these lacks."""
        theirs = set(ids)
        return [each for key, each in self._roll.records.items() if key not in theirs]

    def _write(self) -> None:
        content = {
            "schema": SCHEMA,
            "network": self.network,
            "root": self._roll.root,
            "door": None if self.door is None else plain(self.door),
            "places": self._places,
            "records": [to_plain(each) for each in self._roll.records.values()],
        }
        replace_private(self.file, json.dumps(content))
