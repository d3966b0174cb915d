"""The hosts that one host knows, with digests by which two tables are compared.

Records are spread over buckets by name; a bucket's digest is the sum of its records' fingerprints,
so a change costs the same in a table of any size. Those who are down or left are forgotten after a
while, at about the same time everywhere, since their age travels with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from simulacra.actors.cluster.members import GONE, LIVE, Member, News, State, fingerprint

BUCKETS: Final = 32
_MASK: Final = 2**32 - 1


@lru_cache(maxsize=65_536)
def _bucket(host: str) -> int:
    return blake2b(host.encode(), digest_size=1).digest()[0] % BUCKETS


class Table:
    """Records by host.

    Attributes:
        digest: of all records; equal tables have equal ones.
    """

    def __init__(self) -> None:
        self.digest = 0
        self._members: dict[str, Member] = {}
        self._since: dict[str, float] = {}
        self._gone: dict[str, float] = {}
        self._absent: dict[str, None] = {}
        self._buckets = [0] * BUCKETS

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    def __len__(self) -> int:
        return len(self._members)

    def get(self, host: str) -> Member | None:
        """The record of a host, if there is one."""
        return self._members.get(host)

    def since(self, host: str) -> float:
        """When a host's record last changed."""
        return self._since[host]

    def put(self, member: Member, now: float, age: float = 0.0) -> None:
        """Enter a record, in place of the one that the host has; it became so ``age`` ago."""
        self._count_out(member.host)
        self._members[member.host] = member
        self._since[member.host] = now
        if member.state in GONE:
            self._gone[member.host] = now - age
        if member.state not in LIVE and member.state is not State.LEFT:
            self._absent[member.host] = None
        self._count(member, 1)

    def remove(self, host: str) -> None:
        """Take a host out."""
        self._count_out(host)
        del self._members[host], self._since[host]

    def _count_out(self, host: str) -> None:
        self._gone.pop(host, None)
        self._absent.pop(host, None)
        known = self._members.get(host)
        if known is not None:
            self._count(known, -1)

    def _count(self, member: Member, sign: int) -> None:
        change = sign * fingerprint(member)
        bucket = _bucket(member.host)
        self._buckets[bucket] = (self._buckets[bucket] + change) & _MASK
        self.digest = (self.digest + change) & _MASK

    # -- those who are gone

    def absent(self) -> Collection[str]:
        """The hosts that are not counted upon and may come back: down, asleep, detached."""
        return self._absent.keys()

    def next_forgotten(self, after: float, me: str) -> float | None:
        """When the first of the others who are gone will have been gone for ``after`` seconds."""
        since = [at for host, at in self._gone.items() if host != me]
        return min(since) + after if since else None

    def gone_for(self, after: float, now: float, me: str) -> list[Member]:
        """The others who have been gone for ``after`` seconds; one does not forget oneself."""
        gone = [host for host, at in self._gone.items() if at + after <= now]
        return [self._members[host] for host in gone if host != me]

    def news(self, member: Member, now: float) -> News:
        """A record of this table as news."""
        at = self._gone.get(member.host)
        return News(member, age=0.0 if at is None else max(0.0, now - at))

    # -- comparing

    def digests(self) -> list[int]:
        """Of the buckets, in order."""
        return list(self._buckets)

    def differing(self, digests: Iterable[int]) -> list[int]:
        """The buckets that another table has otherwise."""
        pairs = zip(self._buckets, digests, strict=False)
        return [number for number, (ours, theirs) in enumerate(pairs) if ours != theirs]

    def in_buckets(self, numbers: Collection[int]) -> list[Member]:
        """The records of some buckets."""
        return [member for member in self if _bucket(member.host) in numbers]
