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

from collections.abc import Collection, Iterable, Mapping

from simulacra.actors.data.reconciling.dots import Context, Replica, includes, join
from simulacra.actors.data.reconciling.index import Known
from simulacra.actors.data.reconciling.records import Record


class Acknowledgements:
    """What of each host the latest replica has acknowledged, as far as this host has heard."""

    def __init__(self) -> None:
        self._by_host: dict[str, tuple[Replica, Context]] = {}

    def hear(self, replica: Replica, acknowledged: Context) -> bool:
        """Take in what a replica has acknowledged; whether that is new."""
        latest, before = self._by_host.get(replica.host, (replica, {}))
        if replica.incarnation < latest.incarnation:
            return False
        if replica.incarnation > latest.incarnation:
            before = {}
        after = join(before, acknowledged)
        self._by_host[replica.host] = replica, after
        return latest != replica or after != before

    def of(self, hosts: Iterable[str]) -> dict[Replica, Context]:
        """What some hosts have acknowledged; nothing, under incarnation 0, of those not heard."""
        return dict(self._by_host.get(host, (Replica(host, 0), {})) for host in hosts)

    def keep(self, hosts: Collection[str]) -> None:
        """Forget all other hosts."""
        self._by_host = {host: each for host, each in self._by_host.items() if host in hosts}

    def heard(self) -> dict[Replica, Context]:
        """All that was heard."""
        return dict(self._by_host.values())

    def behind(self, hosts: Iterable[str], context: Context) -> list[str]:
        """The hosts that have not acknowledged a context."""
        said = self.of(hosts).items()
        return sorted(replica.host for replica, known in said if not includes(known, context))


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
