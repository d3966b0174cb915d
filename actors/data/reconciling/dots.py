"""Who wrote what when: replicas, dots, contexts and events.

A *replica* is one database of one host: a database that was lost or put back begins another
incarnation. It numbers what it writes 1, 2, 3 ...; such a number is a *dot*. A *context* says for
each replica up to which number it is known. An *event* is a dot with its stamp: of two, the later
one counts, and between equal stamps the dot decides, so that all hosts choose alike.

A replica writes each record on top of all it knows of that record. So who has seen its number n in
a record has seen all that it wrote there before, and one number a replica is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from simulacra.actors.cluster.clock import NEVER, Clock, Stamp


class Replica(NamedTuple):
    """One database of one host.

    Attributes:
        host: the host's name.
        incarnation: which of its databases, from 1.
    """

    host: str
    incarnation: int


class Dot(NamedTuple):
    """One writing of one replica.

    Attributes:
        replica: who wrote.
        n: its number there, from 1.
    """

    replica: Replica
    n: int


class Event(NamedTuple):
    """A writing in time; later events are greater.

    Attributes:
        stamp: when.
        dot: what it is called by.
    """

    stamp: Stamp
    dot: Dot


Context = Mapping[Replica, int]


def covers(context: Context, dot: Dot) -> bool:
    """Whether a context knows of a writing."""
    return context.get(dot.replica, 0) >= dot.n


def includes(context: Context, other: Context) -> bool:
    """Whether a context knows of all that another knows of."""
    return all(context.get(replica, 0) >= n for replica, n in other.items())


def join(context: Context, other: Context) -> Context:
    """What both know of together."""
    if includes(context, other):
        return context
    joined = dict(context)
    for replica, n in other.items():
        joined[replica] = max(n, joined.get(replica, 0))
    return joined


class Author:
    """Gives out the events of one replica.

    Attributes:
        replica: who writes.
        n: the number of its latest writing; to be stored with what was written.
        clock: its clock, which also sees the stamps of others.
        wall: the wall's time, milliseconds; to be set before a batch.
    """

    def __init__(self, replica: Replica, n: int = 0, clock: Clock | None = None) -> None:
        self.replica = replica
        self.n = n
        self.clock = clock or Clock()
        self.wall = 0

    def event(self, after: Stamp = NEVER) -> Event:
        """The next event, stamped later than what it replaces."""
        self.n += 1
        return Event(self.clock.stamp(self.wall, after=after), Dot(self.replica, self.n))

    def is_put_back(self, context: Context) -> bool:
        """Whether others know of more than we have written: our database is an old one.

        It must begin a new incarnation: its next numbers have been given out before.
        """
        return context.get(self.replica, 0) > self.n
