"""How one computation moves: why, when it is frozen, what travels, and who waits for it.

`Relocation` keeps the protocol; this is the computation that it moves (`Resident`). A move begins
when somebody asks for it or when another host is better for long enough (`rebalance`). The worker
stops at a safe point and hands out its state; mail, output's end and the history of moves travel
with that. A freeze has a ticket, so that what is handed out for one that was given up is dropped.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from simulacra.actors import tracing
from simulacra.actors.compute import messages as w
from simulacra.actors.compute import moves as m
from simulacra.actors.compute.dossier import Dossier
from simulacra.actors.compute.mailroom import Mailroom
from simulacra.actors.compute.placement import Needs, Network
from simulacra.actors.compute.rebalance import Rebalance
from simulacra.actors.compute.relocation import FetchDone, Relocation
from simulacra.actors.compute.running import Running
from simulacra.actors.compute.services import Services
from simulacra.actors.compute.showing import Showing
from simulacra.actors.compute.spec import Spec
from simulacra.actors.compute.store import Kept
from simulacra.actors.compute.task import CommandTask
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.wire_types import register

logger = logging.getLogger(__name__)

MOVES_KEPT: Final = 100


@register("error.move")
class MoveError(Exception):
    """The computation did not move, and goes on where it is; the text says why."""


class Owner(Protocol):
    """The computation's actor, as its moves see it."""

    def start(self, snapshot: dict[str, Any] | None) -> None:
        """Run here, for the first time in this epoch."""

    def go_on(self) -> None:
        """Run here again."""

    def end_now(self) -> None:
        """End what was to be stopped while it was frozen."""

    def has_left(self) -> None:
        """It is not here any more."""


class Travelling:
    """See the module.

    Args:
        dossier: what is known of the computation.
        services: what the node provides.
        kept: its folder.
        mail: its mail.
        showing: what it prints.
        running: its worker.
        owner: its actor.
        send: sends a message of the moving protocol to a host.
        tell_self: tells its actor, from any thread.

    Attributes:
        protocol: the moving protocol, to be told what it hears.
        trace: of the request that the last move came from.
    """

    def __init__(
        self,
        dossier: Dossier,
        services: Services,
        kept: Kept,
        mail: Mailroom,
        showing: Showing,
        running: Running,
        owner: Owner,
        send: Callable[[str, m.Message], None],
        tell_self: Callable[[FetchDone], None],
    ) -> None:
        self._dossier = dossier
        self._services = services
        self._kept = kept
        self._mail = mail
        self._showing = showing
        self._running = running
        self._owner = owner
        self._rebalance = Rebalance()
        self._ticket = 0
        self._target = self._why = ""
        self._began = self._froze_at = 0.0
        self._waiting: list[Reply] = []
        self.trace = ""
        self.protocol = Relocation(dossier.party, services, kept, self, send, tell_self)

    # -- leaving

    def migrate(self, target: str, reply: Reply) -> None:
        """Somebody wants it on a host; the reply hears how that went."""
        self._waiting.append(reply)
        self._depart(target, "asked for")

    def look_around(self) -> None:
        """Take one window of costs, and move if another host has been better for long enough."""
        spec = self._dossier.spec
        if self._dossier.state != "running" or spec is None or spec.on or spec.near:
            return
        if not self.protocol.is_settled:
            return
        network, now = self._services.network(), time.monotonic()
        proposal = self._rebalance.propose_move(self._needs(spec, network), network, now)
        if proposal is not None:
            self._depart(proposal.target, f"saves {proposal.gain:.1f} s")

    def _needs(self, spec: Spec, network: Network) -> Needs:
        """What it has still to do, as far as can be told from what it did."""
        reading, here = self._dossier.reading, self._dossier.host
        return Needs(
            name=self._dossier.name,
            at=here,
            reads=reading.to_come(),
            cpu_seconds=reading.work_to_come() * network.hosts[here].speed,
            busy=reading.busy,
            state_size=self._dossier.size,
            memory=spec.limits.memory or 0,
            plain=self._dossier.plain,
            labels=spec.labels,
        )

    def _depart(self, target: str, why: str) -> None:
        self._began, self._target, self._why = time.monotonic(), target, why
        self.trace = tracing.current()
        logger.info("is to move to %s: %s", target, why)
        self.protocol.depart(target, plain=self._dossier.plain, size=self._dossier.size)

    def freeze(self) -> None:
        """Ask the worker to stop at its next safe point."""
        self._ticket += 1
        if not self._running.send(w.Freeze("migrate", ticket=self._ticket)):
            self.protocol.freeze_failed("its worker does not run now; try again")

    def not_frozen(self, why: str, ticket: int) -> None:
        """The worker does not stop."""
        if ticket == self._ticket:
            self.protocol.freeze_failed(why)

    def frozen(self, frozen: w.Frozen) -> None:
        """The worker stopped, and handed out its state."""
        descriptor, mail, spec = frozen.fd, self._mail.snapshot(), self._dossier.spec
        if descriptor is None:
            return
        try:
            if frozen.ticket == self._ticket and mail is not None and spec is not None:
                self._hand_over(frozen, descriptor, mail, spec)
        finally:
            os.close(descriptor)

    def _hand_over(
        self, frozen: w.Frozen, descriptor: int, mail: dict[str, Any], spec: Spec
    ) -> None:
        dossier, self._froze_at = self._dossier, time.monotonic()
        dossier.frozen, dossier.state = True, "moving"
        dossier.size, dossier.plain = frozen.size, frozen.plain
        self._mail.freeze()
        snapshot = {
            "spec": spec.to_plain(),
            "mail": mail,
            "size": frozen.size,
            "plain": frozen.plain,
            "moves": [*dossier.moves, self._this_move()][-MOVES_KEPT:],
            "restarts": dossier.restarts.count,
        }
        offered = self._services.bulk_server.offer(descriptor, frozen.extents)
        self.protocol.frozen(offered, snapshot, plain=frozen.plain, size=frozen.size)

    def _this_move(self) -> dict[str, Any]:
        return {
            "at": time.time(),
            "source": self._dossier.host,
            "target": self._target,
            "why": self._why,
            "printed": self._showing.log.end,
        }

    def resume(self) -> None:
        """Go on here after all."""
        self._ticket += 1  # whatever is still handed out for the old one is stale
        if not self._dossier.frozen:
            self._running.send(w.Resume())
            return
        self._dossier.frozen, self._dossier.state = False, "running"
        if self._dossier.stopping:
            self._owner.end_now()
        elif self._running.task is None or isinstance(self._running.task, CommandTask):
            self._owner.go_on()
        else:
            self._mail.thaw()
            self._running.send(w.Resume())

    def leave(self, target: str, epoch: int) -> None:
        """It belongs to the target: end the worker, forward the mail."""
        settled = not self.protocol.is_moving
        self._mail.leave(epoch, target, settled=settled)
        self._running.send(w.Discard())
        self._running.task = None
        if settled:
            self._kept.remove_snapshots()  # else `moved` does it: the target waits for its word
        if self._dossier.state != "left":
            self._dossier.state = "left"
            self._showing.note(f"it has moved to {target}")
            self._owner.has_left()

    def moved(self, target: str, problem: str | None) -> None:
        """A move is over."""
        now = time.monotonic()
        waiting, self._waiting = self._waiting, []
        if problem is not None:
            logger.info("stays: %s", problem)
            self._rebalance.failed(now)
            stays = f"{self._dossier.name} stays on {self._dossier.host}: {problem}"
            for reply in waiting:
                reply.set_error(MoveError(stays))
            return
        logger.info("is on %s now", target)
        self._mail.leave(self.protocol.attempt, target, settled=True)
        self._kept.remove_snapshots()
        outcome = {
            "name": self._dossier.name,
            "source": self._dossier.host,
            "target": target,
            "epoch": self.protocol.attempt,
            "size": self._dossier.size,
            "seconds": now - self._began,
            "pause": now - self._froze_at,
        }
        for reply in waiting:
            reply.set(outcome)

    # -- coming

    def expect(self) -> None:
        """Start a worker now, that waits for the state."""
        self._running.expect()

    def coming(self, size: int) -> None:
        """Have the worker that waits make room for the state."""
        self._running.coming(size)

    def expect_no_more(self) -> None:
        """End the worker that waits."""
        self._running.expect_no_more()

    def run(self, epoch: int, snapshot: dict[str, Any] | None) -> None:
        """Start here, from the newest checkpoint of this epoch or from what came."""
        self.trace = tracing.current()
        logger.info("runs here now, in epoch %d", epoch)
        self._running.come(epoch, snapshot)
        if snapshot is not None:
            self._unpack(snapshot)
        self._owner.start(snapshot)

    def _unpack(self, snapshot: dict[str, Any]) -> None:
        spec = Spec.from_plain(snapshot["spec"])
        self._dossier.take_spec(spec)
        self._kept.write_spec(spec)
        self._dossier.restarts.count = snapshot["restarts"]
        self._dossier.size, self._dossier.plain = snapshot["size"], snapshot["plain"]
        self._know_moves(snapshot["moves"])

    def _know_moves(self, moves: list[dict[str, Any]]) -> None:
        """Know the moves that led here, so that it rests after them."""
        self._dossier.moves = list(moves)
        self._rebalance = Rebalance()
        now, today = time.monotonic(), time.time()
        for move in moves:
            self._rebalance.moved(move["source"], move["target"], now - (today - move["at"]))
