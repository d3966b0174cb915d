"""When tombstones go: once every member has acknowledged them.

Every replica has a *vector*: of each replica it knows all writings up to a number. Its own writings
are in it at once; those of others when a meeting is over, from the vector that the other side had
when it began to tell, since records come in the order in which they last changed and half a meeting
proves nothing. A replica *acknowledges* its vector when its disk is settled as well, so that nobody
makes something in a folder that is deleted, and forgotten elsewhere, but still there.

1. A tombstone goes at a replica that knows from every member, detached ones too, that its context
   is acknowledged, and that knows of nothing in it. So whoever could bring an older state of it
   has it, or is no member.
2. A record that comes, is not known here, and whose context the vector includes, is such a
   tombstone or an older state of one, and is ignored. So it does not matter who drops it first.
3. Who is evicted is asked no longer. It may not tell records when it comes back: its database is
   put away, and its files are imported (`observing`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from simulacra.actors.data.reconciling.dots import Context, Replica, includes
from simulacra.actors.data.reconciling.index import Known
from simulacra.actors.data.reconciling.records import Record


def may_go(
    record: Record,
    members: Collection[Replica],
    acknowledged: Mapping[Replica, Context],
    known: Known,
) -> bool:
    """Whether a record is a tombstone that nobody needs any more; without members it stays."""
    if record.alive or not members:
        return False
    if not all(includes(acknowledged.get(each, {}), record.context) for each in members):
        return False
    return next(iter(known.located(record.id)), None) is None


def is_gone(record: Record, vector: Context, known: Known) -> bool:
    """Whether a record that comes is one that was dropped here, to be ignored."""
    return known.record(record.id) is None and includes(vector, record.context)
