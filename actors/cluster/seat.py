"""What every role of a host's focus stands on: its journal, the highest epoch, and its way out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.election import Candidate, Standing
from simulacra.actors.cluster.entry_kinds import SUCCESSION, setting
from simulacra.actors.cluster.epochs import NO_EPOCH, Epoch
from simulacra.actors.cluster.focus_timing import Timing
from simulacra.actors.cluster.journal import Base, Entry, Journal


@dataclass
class Seat:
    """See the module.

    Attributes:
        host: this host's name.
        life: of its store: another one after its disk was lost, so that no dot is given twice.
        journal: its records.
        reachable: the hosts that membership reaches now, with or without this one.
        standing: what this host says of itself as a candidate.
        wall: seconds since 1970.
        is_alone: whether this host knows that there is no other that could be master.
        timing: times and bounds.
        epoch: the highest that was seen; the same is on the disk.
        commands: what this step leads to, in order.
        own: messages from this host to itself.
    """

    host: str
    life: str
    journal: Journal
    reachable: Callable[[], Collection[str]]
    standing: Callable[[], Standing]
    wall: Callable[[], float]
    is_alone: Callable[[], bool] = lambda: False
    timing: Timing = field(default_factory=Timing)
    epoch: Epoch = NO_EPOCH
    commands: list[m.Command] = field(default_factory=list)
    own: deque[m.Message] = field(default_factory=deque)

    def others(self) -> list[str]:
        """The hosts in reach but this one."""
        return sorted(set(self.reachable()) - {self.host})

    def succession(self) -> list[str]:
        """The user's list of who is to be master."""
        hosts: list[str] = setting(self.journal.state, SUCCESSION, [])
        return hosts

    def candidate(self) -> Candidate:
        """This host as a candidate."""
        return Candidate(self.host, self.journal.end[0], self.standing())

    def send(self, host: str, message: m.Message) -> None:
        """Send a message; one to this host itself is handled in this step and never lost."""
        if host == self.host:
            self.own.append(message)
        else:
            self.commands.append(m.Send(host, message))

    def heard(self, number: int) -> m.Heard:
        """The answer to a master."""
        journal = self.journal
        context = dict(journal.state.context)
        return m.Heard(self.epoch, number, journal.end, context, self.standing())

    def raise_epoch(self, epoch: Epoch, why: str) -> None:
        """Keep a higher epoch, on disk first."""
        self.epoch = epoch
        self.commands += [m.Save(epoch=epoch), m.MasterChanged(epoch, why)]

    def write(
        self, kind: str, body: dict[str, Any], epoch: Epoch, *, request: str = "",
        then: Epoch | None = None,
    ) -> Entry:  # fmt: skip
        """Write an entry of one's own as master.

        Args:
            kind: of the entry.
            body: of the entry.
            epoch: that it is written in.
            request: the id of the request that it answers.
            then: a higher epoch that must be on disk together with it.
        """
        origin = f"{self.host}/{self.life}"
        entry = self.journal.entry(
            kind, body, epoch=epoch, origin=origin, at=self.wall(), request=request
        )
        self.copy((entry,), then)
        return entry

    def copy(self, entries: tuple[Entry, ...], then: Epoch | None = None) -> None:
        """Append entries that follow on the journal's end."""
        for entry in entries:
            self.journal.take(entry)
        self.commands.append(m.Save(epoch=then, entries=entries))
        if self.journal.is_long:
            self.commands.append(m.Save(base=self.journal.fold()))

    def install(self, base: Base) -> None:
        """Take another host's journal for one's own."""
        self.journal.install(base)
        self.commands.append(m.Save(base=base))
