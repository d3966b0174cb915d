"""The post office of a node: brings packets of mail to the parties that live here.

Every node has one, registered as ``post``. Packets (see `letters`) come from other post offices as
plain tells, which may be lost: the endpoints make up for it. A packet for a computation that lives
here goes to its actor; for one that left, it is forwarded; for one never heard of, `Unknown` goes
back.

The post office is also the endpoint of the node itself (`NodeMail`), and the node's part of the
directory: it knows who lives here (`Residents`), and asks the other post offices where a party or a
name is (`Searching`). A party that every host knows nothing of has ended; while a host is out of
reach, or has not yet started again what it had (`Complete`), nobody can say so, and mail waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from simulacra.actors.compute import stub
from simulacra.actors.compute.letters import (
    Ack,
    Arrived,
    Gone,
    Located,
    Moved,
    NotFound,
    Packet,
    Parcel,
    Send,
    Tick,
    Unknown,
)
from simulacra.actors.compute.node_mail import NodeMail
from simulacra.actors.compute.post_messages import (
    POST,
    Complete,
    Enter,
    Find,
    FindFor,
    Forget,
    Found,
    IncompleteError,
    Leave,
    Mail,
    Resolve,
    Resolved,
)
from simulacra.actors.compute.residents import Residents
from simulacra.actors.compute.searching import Heard, Searching
from simulacra.actors.runtime import Actor, Ref


class Post(Actor):
    """The post office; see the module.

    Args:
        host: this node's name.
        peers: gives the hosts to ask about somebody, see `Searching`.
        absent: gives the hosts that belong here and are not reachable now.
    """

    def __init__(
        self, host: str, peers: Callable[[Find], list[str]], absent: Callable[[], list[str]]
    ) -> None:
        self._host = host
        self._peers = peers
        self._absent = absent
        self._residents = Residents(host)
        self._due: float | None = None

    def on_start(self) -> None:
        """Open, knowing nobody yet."""
        self._searching = Searching(
            self._host, self._residents, self.system, self.ref, self._peers, self._absent
        )
        self._mail = NodeMail(self._host, self._searching, self._send, self._lost)

    def on_receive(self, message: Any) -> Any:
        """Route packets, answer questions, take up mail."""
        answer = self._handle(message)
        self._wake_at(self._mail.deadline())
        return answer

    def _handle(self, message: Any) -> Any:  # noqa: C901 - a table of messages
        match message:
            case Parcel() | Ack() | Moved() | Gone() | Unknown():
                self._route(message)
            case Find():
                return self._find(message)
            case Complete():
                self._searching.is_complete = True
            case Enter():
                self._residents.enter(message)
            case Leave():
                self._residents.leave(message)
            case Forget(party):
                self._residents.forget(party)
            case FindFor(party, ref):
                self._searching.search(Find(party=party), partial(_tell_where, ref, party))
            case Resolve(name):
                self._resolve(name)
            case Mail():
                self._mail.take_up(message, self.defer_reply())
            case Heard():
                self._searching.hear(message)
            case Tick():
                self._due = None
                self._mail.step(Tick())
            case _:
                self.refuse(message)
        return None

    def _route(self, packet: Packet) -> None:
        if packet.to == self._mail.party:
            self._mail.step(Arrived(packet))
            return
        resident = self._residents.ref(packet.to)
        if resident is not None:
            resident.tell(packet)
            return
        place = self._residents.gone_to(packet.to)
        for send in stub.refuse(packet) if place is None else stub.forward(packet, place):
            self._send(send)

    def _send(self, send: Send) -> None:
        """Pass a packet to the post office of a host, this one too."""
        self.system.ref(f"{POST}@{send.host}").tell(send.packet)

    def _lost(self, body: Any) -> None:
        self.system.dead_letters.add(self.ref, body)

    def _find(self, query: Find) -> Found | None:
        found = self._residents.find(query)
        if found is None and not self._searching.is_complete:
            self.defer_reply().set_error(IncompleteError(f"{self._host} has just started"))
        return found

    def _resolve(self, name: str) -> None:
        reply = self.defer_reply()
        self._searching.search(
            Find(name=name), lambda *outcome: reply.set(Resolved(name, *outcome))
        )

    def _wake_at(self, due: float | None) -> None:
        if due is None or (self._due is not None and self._due <= due):
            return
        self._due = due
        self.send_after(max(0.0, due - time.monotonic()), Tick())


def _tell_where(ref: Ref, party: str, found: Found | None, certain: bool) -> None:
    if found is not None:
        ref.tell(Located(party, found.place))
    elif certain:
        ref.tell(NotFound(party))
