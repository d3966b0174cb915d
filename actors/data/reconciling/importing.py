"""Scanning over files that were there before, after a lost database or an eviction.

An import waits until a member that does not import itself has told all it knows. The base is empty
then, and nothing says what a file was when it was last synced. It is not taken to be new if it is

- a content that a record now at this path, or first created under it, has, had in a deleted
  version, or came of: then it was renamed, replaced or deleted meanwhile;
- a conflict copy, by its name, of a record here that came of its content: then the conflict was
  settled by another content.

As such it goes into the base, and planning treats it as it treats whatever is out of date. What was
renamed twice since, or a copy that was deleted, is not found so and comes as new: nothing is lost.
The same goes for what had another name only because of a conflict. What was aside when the database
was lost comes as ``recovered-...``, and planning gives it that name on disk.
"""

from __future__ import annotations

import re
from itertools import count
from typing import Final

from simulacra.actors.data.entries import Content, Entry
from simulacra.actors.data.reconciling.copy_names import copy_name
from simulacra.actors.data.reconciling.dots import Dot, Replica, covers
from simulacra.actors.data.reconciling.index import Known, Row
from simulacra.actors.data.reconciling.projecting import side_of
from simulacra.actors.data.reconciling.records import FileId, Record, file_id

_COPY: Final = re.compile(rb"\.conflict-([^/]+?)(?:\.([1-9][0-9]*))?-([1-9][0-9]*)")


class Remains:
    """Finds what is left from before the records were as they are now.

    It keeps the records of the folder it was asked about last.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._folder: FileId | None = None
        self._records: list[Record] = []

    def find(self, folder: FileId, name: bytes, entry: Entry) -> Row | None:
        """What something in a folder is left from; None if it is new."""
        if folder != self._folder:
            self._folder, self._records = folder, list(self._known.located(folder))
        for record in [*self._created_here(folder, name), *self._here(name)]:
            if _had(record, entry.content):
                side = side_of(record, entry.content)
                dots = side.dots if side is not None else frozenset()
                return Row(record.id, entry, dots, frozenset())
        return self._settled_copy(name, entry)

    def _created_here(self, folder: FileId, name: bytes) -> list[Record]:
        records = []
        for generation in count():
            record = self._known.record(file_id(folder, name, generation))
            if record is None:
                break
            records.append(record)
        return records

    def _here(self, name: bytes) -> list[Record]:
        return [each for each in self._records if each.location.value.name == name]

    def _settled_copy(self, name: bytes, entry: Entry) -> Row | None:
        for match in _COPY.finditer(name):
            host, incarnation, n = match.groups()
            replica = Replica(host.decode("utf-8", "replace"), int(incarnation or 1))
            dot = Dot(replica, int(n))
            for record in self._records:
                was = record.location.value.name
                known = covers(record.context, dot) and _had(record, entry.content)
                if known and copy_name(was, dot) == name:
                    return Row(record.id, entry, frozenset([dot]), frozenset(), dot)
        return None


def _had(record: Record, content: Content) -> bool:
    """Whether a record has a content, had it when it was deleted, or came of it."""
    came_of = (digest for version in record.written for digest in version.lineage)
    return side_of(record, content) is not None or content.digest in came_of
