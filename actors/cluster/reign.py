"""One term of one master: it gathers, answers, beats, and may hand over.

- A new master that was not handed the focus first gathers the records of those who voted, for a
  second at most, so that what was acknowledged before is known; requests are parked meanwhile.
- A request is written down (an entry, on disk), copied to the followers and answered when one of
  them has it on disk, or with "one copy" when none does in time or none is in reach.
- A master whose own time jumped by more than its lease may have been deposed meanwhile: it parks
  requests until a follower answers a beat sent since, or until it is clear that nobody does.
- Parked requests are bounded; more are dropped and counted: their clients try again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.desk import RefusedError
from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.followers import Followers
from simulacra.actors.cluster.forks import merge_body
from simulacra.actors.cluster.handover import Handover
from simulacra.actors.cluster.journal import check, made_plain
from simulacra.actors.cluster.lattice import State, covers
from simulacra.actors.cluster.seat import Seat

FOCUS = "focus"
ANY = "*"
"""As the host that the focus is to be moved to: the first in line."""


@dataclass
class _Pending:
    seq: int
    granted: bool
    value: Any
    due: float
    clients: set[str] = field(default_factory=set)


class Reign:
    """See the module.

    Args:
        seat: this host's.
        epoch: the term.
        why: how it came to be.
        now: the time.
        gather: the hosts whose records are waited for.

    Attributes:
        epoch: the term.
        granted: where the focus was handed over to, with what; None while it is here.
        dropped: requests that found no room.
    """

    def __init__(
        self, seat: Seat, epoch: Epoch, why: str, now: float, gather: Iterable[str] = ()
    ) -> None:
        self.epoch = epoch
        self.granted: tuple[str, m.Grant] | None = None
        self.dropped = 0
        self._seat = seat
        self._why = why
        self._followers = Followers(seat, epoch)
        self._pending: dict[str, _Pending] = {}
        self._parked: dict[str, tuple[str, m.Ask]] = {}
        self._handover: Handover | None = None
        self._number = 0
        self._turn = 0
        self._stepped = now
        self._beat_at = now
        self._gather = set(gather)
        self._gather_due = now + seat.timing.gather
        self._doubt: int | None = None
        self._doubt_due = now
        self._acts = False
        self._announce()
        self._act_if_clear(now)

    @property
    def acting(self) -> bool:
        """Whether it answers and orders now."""
        return self._acts

    # -- its own time

    def wake(self, now: float) -> None:
        """Look at the own time before anything else: after a jump nothing is sure."""
        gap, self._stepped = now - self._stepped, now
        if gap <= self._seat.timing.lease:
            return
        self._doubt = self._number + 1
        self._doubt_due = now + self._seat.timing.act_by
        if self._acts:
            self._acts = False
            self._seat.commands.append(m.StopMaster(f"its time jumped by {gap:.1f} s"))
        self._beat_all()
        self._beat_at = now + self._seat.timing.beat

    def deadline(self) -> float:
        """When to tick next."""
        dues = [self._beat_at, *(each.due for each in self._pending.values())]
        if self._gather:
            dues.append(self._gather_due)
        if self._handover is not None:
            dues.append(self._handover.due)
        return min(dues)

    def tick(self, now: float) -> None:
        """Beat, answer with one copy, and go on with what waits, as far as they are due."""
        if now >= self._beat_at:
            self._beat_at = now + self._seat.timing.beat
            self._beat_round()
        if now >= self._gather_due:
            self._gather.clear()
        if self._doubt is not None and self._is_alone(now):
            self._doubt = None
        self._act_if_clear(now)
        if self._handover is not None and now >= self._handover.due:
            self._refuse_handover(f"{self._handover.target} did not keep up in time", now)
        self._settle(now)

    def _is_alone(self, now: float) -> bool:
        timing = self._seat.timing
        waited = now - (self._doubt_due - timing.act_by)
        return now >= self._doubt_due or (waited >= timing.settle and not self._seat.others())

    def _act_if_clear(self, now: float) -> None:
        if self._acts or self._gather or self._doubt is not None:
            return
        self._acts = True
        self._seat.commands.append(m.StartMaster(self.epoch, self._why))
        self._unpark(now)

    # -- beats

    def _announce(self) -> None:
        """Tell all in reach of a new master."""
        self._beat_all()
        self._beat_at += self._seat.timing.beat

    def _beat(self, hosts: Iterable[str], successors: tuple[str, ...]) -> None:
        for host in hosts:
            self._seat.send(host, m.Beat(self.epoch, self._number, successors))

    def _beat_all(self) -> None:
        self._number += 1
        self._beat(self._seat.others(), self._followers.successors())

    def _beat_round(self) -> None:
        """A beat to the successors, and to some of the others in turn."""
        self._number += 1
        successors = self._followers.successors()
        extra = self._followers.extra
        always = [*successors, *([extra] if extra and extra not in successors else [])]
        self._beat(always, successors)
        rest = [host for host in self._seat.others() if host not in always]
        some = min(self._seat.timing.others, len(rest))
        self._beat((rest[(self._turn + n) % len(rest)] for n in range(some)), successors)
        self._turn += some

    def member(self, host: str, *, up: bool) -> None:
        """Membership reaches a host, which is told of this master at once; or has lost it."""
        if not up:
            self._followers.forget(host)
            self._gather.discard(host)
        elif host != self._seat.host:
            self._beat([host], self._followers.successors())

    # -- followers

    def heard(self, host: str, heard: m.Heard, now: float) -> None:
        """A follower said what it has."""
        if self._followers.heard(host, heard, now):
            self._gather.discard(host)
        if self._doubt is not None and heard.number >= self._doubt:
            self._doubt = None
        self._act_if_clear(now)
        self._settle(now)
        self._go_on_handing_over(now)

    def shipped(self, host: str, shipment: m.Shipment, now: float) -> None:
        """A host's records came: merge them."""
        if self._handover is not None and self._handover.frozen:
            return  # asked for again by whoever is master then
        journal, base = self._seat.journal, shipment.base
        other = State.from_plain(base.state)
        if not covers(journal.state.context, other.context):
            self._seat.write(
                "merge", merge_body(journal.state, other, base.epoch, host), self.epoch
            )
            self._followers.spread(now)
        handover = self._handover
        if handover is not None and journal.answer(handover.request) is not None:
            self._handover = self._followers.extra = None  # it was answered on the other side
        self._gather.discard(host)
        self._act_if_clear(now)

    # -- requests

    def ask(self, client: str, ask: m.Ask, now: float) -> None:
        """Take a request: answer, write down, or park it."""
        if not self._acts or (self._handover is not None and self._handover.frozen):
            self._park(client, ask)
        elif ask.request in self._pending:
            self._pending[ask.request].clients.add(client)
        elif len(self._pending) >= self._seat.timing.parked:
            self.dropped += 1
        else:
            self._take(client, ask, now)

    def _park(self, client: str, ask: m.Ask) -> None:
        if len(self._parked) < self._seat.timing.parked or ask.request in self._parked:
            self._parked[ask.request] = (client, ask)
        else:
            self.dropped += 1

    def _unpark(self, now: float) -> None:
        parked, self._parked = self._parked, {}
        for client, ask in parked.values():
            self.ask(client, ask, now)

    def _take(self, client: str, ask: m.Ask, now: float) -> None:
        try:
            body = made_plain(ask.request, ask.body)
            if ask.kind != FOCUS:
                check(ask.kind)
        except RefusedError as refusal:
            self._seat.send(client, m.Answer(ask.request, False, str(refusal), 0, self.epoch))
            return
        if self._seat.journal.answer(ask.request) is not None:
            self._await_copy(ask.request, client, now)
        elif ask.kind == FOCUS:
            self._begin_handover(client, ask.request, body, now)
        else:
            self._write(client, ask.request, ask.kind, body, now)

    def _write(
        self, client: str, request: str, kind: str, body: dict[str, Any], now: float
    ) -> None:
        self._seat.write(kind, body, self.epoch, request=request)
        self._await_copy(request, client, now)
        self._followers.spread(now)

    def _await_copy(self, request: str, client: str, now: float) -> None:
        answer = self._seat.journal.answer(request)
        if answer is None:
            raise LookupError(f"request {request!r} was written down without an answer")
        due = now + self._seat.timing.copy_wait
        self._pending[request] = _Pending(self._seat.journal.end[0], *answer, due, {client})
        self._settle(now)

    def _settle(self, now: float) -> None:
        """Answer what has its copy, or will have none."""
        alone = not self._seat.others()
        for request, each in list(self._pending.items()):
            copies = 1 + self._followers.copies(each.seq)
            if copies > 1 or alone or now >= each.due:
                del self._pending[request]
                answer = m.Answer(request, each.granted, each.value, copies, self.epoch)
                for client in sorted(each.clients):
                    self._seat.send(client, answer)

    def end(self, epoch: Epoch) -> None:
        """It is over: send those who wait to where the focus is now."""
        waiting = [(client, request) for request, (client, _) in self._parked.items()]
        waiting += [(c, request) for request, each in self._pending.items() for c in each.clients]
        for client, request in waiting:
            self._seat.send(client, m.Redirect(request, epoch))
        if self._acts:
            self._acts = False
            self._seat.commands.append(m.StopMaster(f"the focus is on {epoch.host} ({epoch})"))

    # -- handing over

    def _begin_handover(self, client: str, request: str, body: dict[str, Any], now: float) -> None:
        if self._handover is not None and self._handover.request == request:
            return
        target, why = body.get("host"), str(body.get("why", "asked for"))[:200]
        if target == ANY:
            target = next(iter(self._followers.successors()), ANY)
        if self._handover is not None:
            refusal = f"the focus is being moved to {self._handover.target} already; wait for that"
        elif target == self._seat.host:
            refusal = f"{target} is the master already"
        elif not isinstance(target, str) or target not in self._seat.others():
            refusal = f"{target} is not in reach of the master {self._seat.host}; is it up?"
        else:
            due = now + self._seat.timing.prepare
            self._number += 1
            self._handover = Handover(target, request, why, due, self._number)
            self._followers.extra = target
            self._beat([target], self._followers.successors())
            return
        self._write(client, request, "refuse", {"why": refusal}, now)

    def _go_on_handing_over(self, now: float) -> None:
        handover, seat = self._handover, self._seat
        if handover is None or not self._acts:
            return
        matched, number = self._followers.known(handover.target)
        if handover.ready(matched, number, seat.journal.end[0], now, seat.timing):
            self._commit(handover)

    def _commit(self, handover: Handover) -> None:
        """The point of no return."""
        seat, position = self._seat, self._seat.journal.end
        epoch = self.epoch.after(handover.target)
        body = {"epoch": epoch.to_plain(), "why": handover.why}
        entry = seat.write("handoff", body, self.epoch, request=handover.request, then=epoch)
        self.granted = handover.target, m.Grant(epoch, position, entry)

    def _refuse_handover(self, why: str, now: float) -> None:
        handover, self._handover = self._handover, None
        self._followers.extra = None
        if handover is not None:
            self._write(self._seat.host, handover.request, "refuse", {"why": why}, now)
            self._unpark(now)
