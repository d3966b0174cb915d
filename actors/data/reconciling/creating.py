"""Creating something under a name in a folder, under the id that every host derives alike.

If something is known that was created under this name before, it is the same thing while it is
here, alive or deleted: two sides then have two versions of it. If it was moved away the next
generation is taken.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import count

from simulacra.actors.data.entries import Entry
from simulacra.actors.data.reconciling.dots import Author
from simulacra.actors.data.reconciling.index import Known
from simulacra.actors.data.reconciling.records import FileId, Record, create, file_id, write


def created(
    folder: FileId,
    name: bytes,
    entry: Entry,
    known: Known,
    author: Author,
    *,
    besides: Collection[FileId] = (),
) -> Record:
    """The record of what is new under a name; it replaces nothing that lives.

    It is none of those ``besides``, which are just going.
    """
    for generation in count():
        which = file_id(folder, name, generation)
        record = known.record(which)
        if record is None:
            return create(which, folder, name, entry, author.event())
        here = record.location.value
        if (here.folder, here.name) == (folder, name) and which not in besides:
            event = author.event(record.latest)
            return write(record, event, entry, over=(), before=None)
    raise AssertionError("generations have no end")
