"""Dropping tombstones once every member has acknowledged them; see `acknowledging` for the rule.

The members are the hosts that have a copy, whether they are there or not. News carry what each of
them has acknowledged, as far as the sender knows; it is kept in a file: two hosts may never be
there at the same time. That file may lag behind, or be lost: then tombstones stay for longer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path as FilePath
from typing import Any, Final

import msgpack

from simulacra.actors.data.reconciling.acknowledging import Acknowledgements, may_go
from simulacra.actors.data.reconciling.dots import Context, Replica, join
from simulacra.actors.data.reconciling.record_plain import RecordError
from simulacra.actors.data.reconciling.records import Record
from simulacra.actors.data.trees.journal import Journal
from simulacra.actors.data.trees.journal_reader import JournalReader
from simulacra.actors.data.trees.packing import pack_context, unpack_context, unpack_record
from simulacra.actors.private_files import replace_private

logger = logging.getLogger(__name__)

_PAGE: Final = 5000


class Agreement:
    """See the module; used by one thread.

    Args:
        file: where it is kept.
        members: the hosts that have a copy.

    Attributes:
        tombstones: how many stay, as of the last sweep.
        behind: the hosts that they stay for.
    """

    def __init__(self, file: FilePath, members: Callable[[], Sequence[str]]) -> None:
        self.tombstones = 0
        self.behind: tuple[str, ...] = ()
        self._file = file
        self._members = members
        self._heard = Acknowledgements()
        for replica, context in _read(file):
            self._heard.hear(replica, context)

    def hear(self, told: Iterable[Any]) -> None:
        """Take in what another host knows to be acknowledged, as `told` gave it.

        Raises:
            RecordError: it is no such thing.
        """
        for replica, context in _unpacked(told):
            self._heard.hear(replica, context)

    def acknowledge(self, replica: Replica, vector: Context) -> None:
        """This host's disk shows all of this."""
        self._heard.hear(replica, vector)

    def lacking(self, hosts: Iterable[str], context: Context) -> list[str]:
        """The hosts whose disks are not known to show what is in a context."""
        return self._heard.behind(hosts, context)

    def told(self) -> list[Any]:
        """What is known to be acknowledged, as plain data."""
        return [(*replica, pack_context(said)) for replica, said in self._heard.heard().items()]

    def save(self) -> None:
        """Keep what was heard.

        Raises:
            OSError: the disk does not take it.
        """
        replace_private(self._file, msgpack.packb(self.told()))

    def sweep(self, journal: Journal, reader: JournalReader) -> int:
        """Drop the tombstones that nobody needs any more; how many.

        Raises:
            sqlite3.Error: the disk does not take it; they are dropped another time.
            OSError: what is acknowledged cannot be kept; nothing was dropped.
        """
        hosts = self._members()
        if not hosts:  # the directory has not been read yet
            return 0
        self._heard.keep(hosts)
        self.save()
        said = self._heard.of(hosts)
        gone = stay = 0
        needed: Context = {}
        for record in _tombstones(journal, reader):
            if may_go(record, said.keys(), said, journal):
                journal.forget(record.id)
                gone += 1
            else:
                stay += 1
                needed = join(needed, record.context)
        journal.commit()
        self.tombstones = stay
        self.behind = tuple(self._heard.behind(hosts, needed)) if stay else ()
        return gone


def _tombstones(journal: Journal, reader: JournalReader) -> Iterable[Record]:
    """The tombstones, in the order of the journal."""
    after = 0
    while page := reader.changes(after, _PAGE):
        for n, packed in page:
            after = n
            record = unpack_record(packed)
            if not record.alive:
                record = journal.record(record.id) or record
                yield record


def _unpacked(told: Iterable[Any]) -> list[tuple[Replica, Context]]:
    try:
        said = [(str(host), int(number), context) for host, number, context in told]
    except (TypeError, ValueError) as error:
        raise RecordError(f"not what was acknowledged: {error}") from None
    return [(Replica(host, number), unpack_context(context)) for host, number, context in said]


def _read(file: FilePath) -> list[tuple[Replica, Context]]:
    try:
        return _unpacked(msgpack.unpackb(file.read_bytes()))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, msgpack.exceptions.UnpackException) as error:
        logger.warning("%s says not who acknowledged what; it is heard again: %s", file, error)
        return []
