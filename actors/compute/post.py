"""The post office of a node: brings packets of mail to the parties that live here.

Every node has one, registered as ``post``. Packets (see `letters`) come from other post offices as
plain tells, which may be lost: the endpoints make up for it. A packet for a computation that lives
here goes to its actor; for one that left, it is forwarded; for one never heard of, `Unknown` goes
back.

The post office is also the endpoint of the node itself, for mail that people and programs send
through the gateway, and the node's part of the directory: it asks the other post offices where a
party or a name is (`Find`). A party that every host knows nothing of has ended; while a host is out
of reach, or has not yet started again what it had (`Complete`), nobody can say so, and mail waits.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from simulacra.actors.compute import stub
from simulacra.actors.compute.letters import (
    Ack,
    Answered,
    Arrived,
    Ask,
    Command,
    Deliver,
    Event,
    Failed,
    Gone,
    Locate,
    Located,
    Moved,
    NotFound,
    Packet,
    Parcel,
    Place,
    Send,
    Tell,
    Tick,
    Undelivered,
    Unknown,
)
from simulacra.actors.compute.mail import Endpoint
from simulacra.actors.compute.outbox import OutboxFullError
from simulacra.actors.runtime import Actor, ActorDeadError, AskTimeoutError, Ref, RemoteError
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.wire_types import register

POST = "post"


@register("post.find")
@dataclass(frozen=True, slots=True)
class Find:
    """Ask a post office: do you know this party, or who is called ``name`` or ``name@host``?"""

    party: str | None = None
    name: str | None = None


@register("post.found")
@dataclass(frozen=True, slots=True)
class Found:
    """A post office's answer: the party and where it is."""

    party: str
    place: Place


@dataclass(frozen=True, slots=True)
class Enter:
    """A computation begins to live here under a name; its packets go to ``ref``."""

    party: str
    name: str
    place: Place
    ref: Ref


@dataclass(frozen=True, slots=True)
class Leave:
    """A computation went to ``place``; until it is ``settled`` there, its name is known here."""

    party: str
    place: Place
    settled: bool


@dataclass(frozen=True, slots=True)
class Forget:
    """Nothing of a computation is kept here any more; others know where it is."""

    party: str


@dataclass(frozen=True, slots=True)
class FindFor:
    """A computation here wants to know where a party is: tell it `Located` or `NotFound`."""

    party: str
    ref: Ref


@dataclass(frozen=True, slots=True)
class Resolve:
    """Which party has this name in the network? Answered with `Resolved`."""

    name: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """Who has a name; while it is not ``certain``, somebody out of reach may have it."""

    name: str
    found: Found | None
    certain: bool


@dataclass(frozen=True, slots=True)
class Complete:
    """All that lives here has entered: who did not is not here."""


class IncompleteError(Exception):
    """The node has just started, and cannot say yet who lives here."""


@dataclass(frozen=True, slots=True)
class Mail:
    """Write to a computation by its name; an ``ask`` brings back what it answers."""

    to: str
    body: Any
    ask: bool = False
    timeout: float | None = 5.0


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one post office answered; not ``certain`` when it could not be asked."""

    query: Find
    found: Found | None
    certain: bool = True


@dataclass(slots=True)
class _Resident:
    name: str
    place: Place
    ref: Ref


@dataclass(slots=True)
class _Search:
    """One question to all other hosts, and who waits for its answer."""

    waiting: list[Callable[[Found | None, bool], None]] = field(default_factory=list)
    best: Found | None = None
    missing: int = 0
    certain: bool = True
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    mail: Mail
    party: str
    reply: Reply


class Post(Actor):
    """The post office; see the module.

    Args:
        host: this node's name.
        peers: gives the hosts that are reachable now, this one not among them.
        absent: gives the hosts that belong here and are not reachable now.
    """

    def __init__(
        self, host: str, peers: Callable[[], list[str]], absent: Callable[[], list[str]]
    ) -> None:
        self._host = host
        self._peers = peers
        self._absent = absent
        self._is_complete = False
        party = f"{host}#{secrets.token_hex(8)}"
        self._endpoint = Endpoint(party, Place(1, 1, host))
        self._residents: dict[str, _Resident] = {}
        self._gone_to: dict[str, Place] = {}
        self._unsettled: set[str] = set()
        self._parties: dict[str, str] = {}  # by name, as last heard
        self._searches: dict[Find, _Search] = {}
        self._asks: dict[str, _Asked] = {}
        self._due: float | None = None

    def on_receive(self, message: Any) -> Any:  # noqa: C901 - a table of messages
        """Route packets, answer questions, take up mail."""
        match message:
            case Parcel() | Ack() | Moved() | Gone() | Unknown():
                self._route(message)
            case Find():
                return self._find(message)
            case Complete():
                self._is_complete = True
            case Enter(party, name, place, ref):
                self._residents[party] = _Resident(name, place, ref)
                self._gone_to.pop(party, None)
                self._unsettled.discard(party)
            case Leave(party, place, settled):
                self._residents.pop(party, None)
                self._gone_to[party] = place
                (self._unsettled.discard if settled else self._unsettled.add)(party)
            case Forget(party):
                self._residents.pop(party, None)
                self._gone_to.pop(party, None)
                self._unsettled.discard(party)
            case FindFor(party, ref):
                self._search(Find(party=party), partial(_tell_where, ref, party))
            case Resolve(name):
                reply = self.defer_reply()
                self._search(Find(name=name), lambda *outcome: reply.set(Resolved(name, *outcome)))
            case Mail():
                self._take_up(message)
            case _Heard():
                self._hear(message)
            case Tick():
                self._due = None
                self._step(Tick())
            case _:
                self.refuse(message)
        return None

    # -- packets

    def _route(self, packet: Packet) -> None:
        if packet.to == self._endpoint.name:
            self._step(Arrived(packet))
            return
        resident = self._residents.get(packet.to)
        if resident is not None:
            resident.ref.tell(packet)
            return
        place = self._gone_to.get(packet.to)
        self._send_all(stub.refuse(packet) if place is None else stub.forward(packet, place))

    def _send_all(self, sends: list[Send]) -> None:
        for send in sends:
            self.send_packet(send)

    def send_packet(self, send: Send) -> None:
        """Pass a packet to the post office of a host, this one too."""
        self.system.ref(f"{POST}@{send.host}").tell(send.packet)

    # -- the node's own mail

    def _take_up(self, mail: Mail) -> None:
        reply = self.defer_reply()
        party = self._parties.get(mail.to)
        if party is not None:
            self._write(party, mail, reply)
            return

        def write(found: Found | None, certain: bool) -> None:
            if found is None:
                reply.set_error(LookupError(self._nobody(mail.to, certain=certain)))
                return
            self._parties[mail.to] = found.party
            self._step(Located(found.party, found.place))
            self._write(found.party, mail, reply)

        self._search(Find(name=mail.to), write)

    def _write(self, party: str, mail: Mail, reply: Reply) -> None:
        request = secrets.token_hex(8)
        event: Event = (
            Ask(party, mail.body, request, mail.timeout) if mail.ask else Tell(party, mail.body)
        )
        try:
            if mail.ask:
                self._asks[request] = _Asked(mail, party, reply)
            self._step(event)
        except OutboxFullError as error:
            self._asks.pop(request, None)
            reply.set_error(error)
            return
        if not mail.ask:
            reply.set(None)

    def _step(self, event: Event) -> None:
        for command in self._endpoint.step(event, time.monotonic()):
            self._obey(command)
        self._wake_at(self._endpoint.deadline())

    def _obey(self, command: Command) -> None:
        match command:
            case Send():
                self.send_packet(command)
            case Locate(party):
                self._search(Find(party=party), partial(self._learn, party))
            case Answered(request, str() as reason, True):
                reply = self._asks.pop(request).reply
                reply.set_error(ActorDeadError(f"it has ended: {reason}"))
            case Answered(request, body, failed):
                reply = self._asks.pop(request).reply
                reply.set_error(RemoteError(*body)) if failed else reply.set(body)
            case Failed(request, "timeout"):
                self._asks.pop(request).reply.set_error(AskTimeoutError("no answer in time"))
            case Failed(request, reason):
                asked = self._asks.pop(request)
                self._write_to_heir(asked.party, asked.mail, asked.reply, str(reason))
            case Undelivered(letter, reason):
                mail = Mail(letter.to.rpartition("#")[0], letter.body)
                self._write_to_heir(letter.to, mail, None, str(reason))
            case Deliver(_, letter):
                self.system.dead_letters.add(self.ref, letter.body)

    def _write_to_heir(self, party: str, mail: Mail, reply: Reply | None, reason: str) -> None:
        """What came too late for a party goes to whoever has its name now, if anybody has."""
        self._forget_party(party)

        def write(found: Found | None, _: bool) -> None:
            if found is not None and found.party != party:
                self._step(Located(found.party, found.place))
                self._write(found.party, mail, reply or Reply())
            elif reply is not None:
                reply.set_error(ActorDeadError(f"no answer: {reason}"))
            else:
                self.system.dead_letters.add(self.ref, mail.body)

        self._search(Find(name=mail.to), write)

    def _learn(self, party: str, found: Found | None, certain: bool) -> None:
        if found is not None:
            self._step(Located(party, found.place))
        elif certain:
            self._forget_party(party)
            self._step(NotFound(party))

    def _forget_party(self, party: str) -> None:
        for name in [name for name, known in self._parties.items() if known == party]:
            del self._parties[name]

    def _wake_at(self, due: float | None) -> None:
        if due is None or (self._due is not None and self._due <= due):
            return
        self._due = due
        self.send_after(max(0.0, due - time.monotonic()), Tick())

    # -- who is where

    def _nobody(self, name: str, *, certain: bool) -> str:
        if certain:
            return f"nobody in the network is called {name!r}"
        absent = ", ".join(self._absent()) or "a host that has just started"
        return f"nobody within reach is called {name!r}, and {absent} cannot be asked"

    def _find(self, query: Find) -> Found | None:
        found = self._known(query)
        if found is None and not self._is_complete:
            self.defer_reply().set_error(IncompleteError(f"{self._host} has just started"))
        return found

    def _known(self, query: Find) -> Found | None:
        party = query.party
        if party is None and query.name is not None and "#" in query.name:
            party = query.name  # a message's sender is told as a party
        if party is not None:
            resident = self._residents.get(party)
            place = resident.place if resident else self._gone_to.get(party)
            return None if place is None else Found(party, place)
        name, at, host = (query.name or "").partition("@")
        if at and host != self._host:
            return None
        for party, resident in self._residents.items():
            if resident.name == name:
                return Found(party, resident.place)
        for party in self._unsettled:
            if party.rpartition("#")[0] == query.name:
                return Found(party, self._gone_to[party])
        return None

    def _search(
        self, query: Find, then: Callable[[Found | None, bool], None], *, again: bool = False
    ) -> None:
        known = self._known(query)
        if known is not None and known.place.host == self._host:
            then(known, True)
            return
        search = self._searches.get(query)
        if search is not None:
            search.waiting.append(then)
            return
        peers = self._peers()
        certain = self._is_complete and not self._absent()
        self._searches[query] = _Search(
            [then], known, missing=len(peers), certain=certain, again=again
        )
        for peer in peers:
            answer = self.system.ref(f"{POST}@{peer}").ask(query, block=False)
            answer.on_answer(partial(self._pass_on, query))
        if not peers:
            self._conclude(query)

    def _pass_on(self, query: Find, answer: Reply) -> None:
        """In whatever thread the answer came: hand it to the actor's own."""
        found, error = answer.outcome()
        self.ref.tell(_Heard(query, None if error else found, certain=error is None))

    def _hear(self, heard: _Heard) -> None:
        search = self._searches.get(heard.query)
        if search is None:
            return
        search.missing -= 1
        search.certain &= heard.certain
        if heard.found is not None and (
            search.best is None or heard.found.place > search.best.place
        ):
            search.best = heard.found
        if search.missing == 0:
            self._conclude(heard.query)

    def _conclude(self, query: Find) -> None:
        search = self._searches.pop(query)
        if search.best is None and search.certain and not search.again:
            # It may have moved between the answers of two hosts: only a second no is a no.
            for then in search.waiting:
                self._search(query, then, again=True)
            return
        for then in search.waiting:
            then(search.best, search.certain)


def _tell_where(ref: Ref, party: str, found: Found | None, certain: bool) -> None:
    if found is not None:
        ref.tell(Located(party, found.place))
    elif certain:
        ref.tell(NotFound(party))
