"""The mail of a computation on one host: its correspondence while it runs, and the post office.

A computation enters the post office under a place of its own for each start: its epoch, and a life
that was never used before, counted on disk. When it leaves, what came for it meanwhile follows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from simulacra.actors.compute import messages as w
from simulacra.actors.compute import stub
from simulacra.actors.compute.correspondence import Correspondence
from simulacra.actors.compute.letters import (
    Ack,
    Arrived,
    Event,
    Freeze,
    Locate,
    Packet,
    Place,
    Saved,
    Send,
)
from simulacra.actors.compute.mail import Endpoint
from simulacra.actors.compute.post_messages import (
    POST,
    Enter,
    FindFor,
    Forget,
    Leave,
    Resolve,
    Resolved,
)
from simulacra.actors.compute.store import Kept
from simulacra.actors.runtime import ActorSystem, Ref

_LIFE = "life"


class Mailroom:
    """See the module.

    Args:
        party: the computation's party name.
        host: this host.
        kept: the computation's folder.
        system: the node's actor system.
        ref: the computation's actor, which is told packets and answers for it.
        to_worker: sends a message to the worker; False when it cannot take it now.
    """

    def __init__(
        self,
        party: str,
        host: str,
        kept: Kept,
        system: ActorSystem,
        ref: Ref,
        to_worker: Callable[[w.ToWorker], bool],
    ) -> None:
        self._party = party
        self._host = host
        self._kept = kept
        self._system = system
        self._ref = ref
        self._to_worker = to_worker
        self._life = 0
        self._open: Correspondence | None = None

    # -- while it runs here

    def open(self, epoch: int, snapshot: dict[str, Any] | None) -> None:
        """Live here in an epoch, with the mail of a snapshot; None before the first one."""
        senders = [] if self._open is None else self._open.endpoint.senders
        self._open = Correspondence(
            snapshot or Correspondence.first(self._party, self._host),
            lambda last: self._enter(epoch, last),
            clock=time.monotonic,
            to_worker=self._to_worker,
            to_post=self._send,
            resolve=self._resolve,
            lost=lambda body: self._system.dead_letters.add(self._ref, body),
            checkpoint=lambda: None,  # the worker makes one when much mail is not covered
        )
        self._begin_anew(self._open.endpoint, senders)

    def _begin_anew(self, endpoint: Endpoint, senders: list[tuple[str, str]]) -> None:
        """Tell those who wrote since the snapshot at once that nothing of that is here."""
        known = dict(endpoint.senders)
        for sender, host in senders:
            if sender not in known:  # those it knows have been told
                nothing = Ack(self._party, sender, 0, 0, 0, endpoint.place, resend=True)
                self._send(Send(host, nothing))

    @property
    def was_open(self) -> bool:
        """Whether it has ever run here."""
        return _LIFE in self._kept.read_records()

    def _enter(self, epoch: int, last: Place) -> Place:
        used = self._kept.read_records().get(_LIFE, {"epoch": -1, "life": 0})
        arrived = epoch > 0 and used["epoch"] != epoch
        self._life = last.life if arrived else max(last.life, used["life"]) + 1
        self._kept.write_record(_LIFE, {"epoch": epoch, "life": self._life})
        place = Place(epoch, self._life, self._host)
        self._tell_post(Enter(self._party, self._party.rpartition("#")[0], place, self._ref))
        return place

    def pump(self) -> None:
        """Give a new worker its mail."""
        if self._open is not None:
            self._open.pump()

    def heard(self, message: w.Send | w.Ask | w.Reply | w.Taken) -> None:
        """The worker writes, or has taken mail."""
        if self._open is not None:
            self._open.heard(message)

    def step(self, event: Event) -> None:
        """Something happened to the mail."""
        if self._open is not None:
            self._open.step(event)

    def resolved(self, answer: Resolved) -> None:
        """The post office says who has a name."""
        if self._open is not None:
            self._open.resolved(answer)

    def resolve_again(self, name: str) -> None:
        """Ask once more who has a name, if letters wait for that."""
        if self._open is not None:
            self._open.resolve_again(name)

    def packet(self, packet: Packet) -> None:
        """A packet for the computation came."""
        if self._open is not None:
            self._open.step(Arrived(packet))
            return
        for send in stub.refuse(packet):
            self._send(send)

    @property
    def unread(self) -> int:
        """How many letters wait to be taken."""
        return 0 if self._open is None else self._open.endpoint.unread

    def deadline(self) -> float | None:
        """When to be stepped with a tick."""
        return None if self._open is None else self._open.endpoint.deadline()

    # -- saved, frozen, gone

    def snapshot(self) -> dict[str, Any] | None:
        """All mail of this moment as plain data."""
        return None if self._open is None else self._open.snapshot()

    def saved(self, snapshot: dict[str, Any]) -> None:
        """A snapshot is on disk."""
        self.step(Saved(snapshot["endpoint"]["in"]["mark"]))

    def freeze(self) -> None:
        """Nothing may change until `thaw`."""
        self.step(Freeze())

    def thaw(self) -> None:
        """Go on where it was."""
        if self._open is not None:
            self._open.thaw()

    def leave(self, epoch: int, target: str, *, settled: bool) -> None:
        """It belongs to the target in an epoch: what came meanwhile follows, and what will come.

        Args:
            epoch: the epoch.
            target: the host.
            settled: whether it is known to run there.
        """
        place = Place(epoch, self._life, target)
        self._tell_post(Leave(self._party, place, settled))
        if self._open is None:
            return
        for packet in self._open.endpoint.parked:
            for send in stub.forward(packet, place):
                self._send(send)
        self._open = None

    def end(self, reason: str) -> None:
        """It has ended: its name is free, and whoever writes to it is told."""
        if self._open is not None:
            self._tell_post(Enter(self._party, "", self._open.endpoint.place, self._ref))
            self._open.end(reason)

    def close(self) -> None:
        """The computation's actor ends: nobody is here to take its packets."""
        self._tell_post(Forget(self._party))

    # -- the post office

    def _tell_post(self, message: Any) -> None:
        self._system.ref(POST).tell(message)

    def _send(self, command: Send | Locate) -> None:
        match command:
            case Send(host, packet):
                self._system.ref(f"{POST}@{host}").tell(packet)
            case Locate(party):
                self._tell_post(FindFor(party, self._ref))

    def _resolve(self, name: str) -> None:
        answer = self._system.ref(POST).ask(Resolve(name), block=False)
        unknown = Resolved(name, None, certain=False)
        answer.on_answer(lambda reply: self._ref.tell(reply.outcome()[0] or unknown))
