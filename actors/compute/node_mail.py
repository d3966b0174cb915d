"""The mail that people and programs send through a node: written to names, answered to askers.

The node is an endpoint of its own (see `mail`). It finds the party that has the name, and writes to
that one from then on. What comes too late for a party goes to whoever has its name then, if
anybody has: a computation that was started anew under the name is meant by it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulacra.actors.compute.letters import (
    Answered,
    Ask,
    Command,
    Deliver,
    Event,
    Failed,
    Locate,
    Located,
    NotFound,
    Place,
    Send,
    Tell,
    Undelivered,
)
from simulacra.actors.compute.mail import Endpoint
from simulacra.actors.compute.outbox import OutboxFullError
from simulacra.actors.compute.post_messages import Find, Found, Mail
from simulacra.actors.compute.searching import Searching
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError, RemoteError
from simulacra.actors.runtime.futures import Reply


@dataclass(frozen=True, slots=True)
class _Asked:
    mail: Mail
    party: str
    reply: Reply


class NodeMail:
    """See the module.

    Args:
        host: this host.
        searching: finds parties and names.
        send: passes a packet on.
        lost: called with each body that will never be read.

    Attributes:
        party: the node's own name among all parties.
    """

    def __init__(
        self,
        host: str,
        searching: Searching,
        send: Callable[[Send], None],
        lost: Callable[[Any], None],
    ) -> None:
        self._searching = searching
        self._send = send
        self._lost = lost
        self.party = f"{host}#{secrets.token_hex(8)}"
        self._endpoint = Endpoint(self.party, Place(1, 1, host))
        self._parties: dict[str, str] = {}  # by name, as last heard
        self._asks: dict[str, _Asked] = {}

    def deadline(self) -> float | None:
        """When to be stepped with a tick, on the monotonic clock."""
        return self._endpoint.deadline()

    def take_up(self, mail: Mail, reply: Reply) -> None:
        """Write to a name; the reply is answered when that is taken up, or with the answer."""
        party = self._parties.get(mail.to)
        if party is not None:
            self._write(party, mail, reply)
            return

        def write(found: Found | None, certain: bool) -> None:
            if found is None:
                nobody = self._searching.nobody(mail.to, certain=certain)
                reply.set_error(LookupError(nobody))
                return
            self._parties[mail.to] = found.party
            self.step(Located(found.party, found.place))
            self._write(found.party, mail, reply)

        self._searching.search(Find(name=mail.to), write)

    def _write(self, party: str, mail: Mail, reply: Reply) -> None:
        request = secrets.token_hex(8)
        event: Event = (
            Ask(party, mail.body, request, mail.timeout) if mail.ask else Tell(party, mail.body)
        )
        try:
            if mail.ask:
                self._asks[request] = _Asked(mail, party, reply)
            self.step(event)
        except OutboxFullError as error:
            self._asks.pop(request, None)
            reply.set_error(error)
            return
        if not mail.ask:
            reply.set(None)

    def step(self, event: Event) -> None:
        """Step the endpoint, and do what it says."""
        for command in self._endpoint.step(event, time.monotonic()):
            self._obey(command)

    def _obey(self, command: Command) -> None:
        match command:
            case Send():
                self._send(command)
            case Locate(party):
                self._searching.search(Find(party=party), partial(self._learn, party))
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
                self._lost(letter.body)

    def _write_to_heir(self, party: str, mail: Mail, reply: Reply | None, reason: str) -> None:
        """What came too late for a party goes to whoever has its name now, if anybody has."""
        self._forget_party(party)

        def write(found: Found | None, _: bool) -> None:
            if found is not None and found.party != party:
                self.step(Located(found.party, found.place))
                self._write(found.party, mail, reply or Reply())
            elif reply is not None:
                reply.set_error(ActorDeadError(f"no answer: {reason}"))
            else:
                self._lost(mail.body)

        self._searching.search(Find(name=mail.to), write)

    def _learn(self, party: str, found: Found | None, certain: bool) -> None:
        if found is not None:
            self.step(Located(party, found.place))
        elif certain:
            self._forget_party(party)
            self.step(NotFound(party))

    def _forget_party(self, party: str) -> None:
        for name in [name for name, known in self._parties.items() if known == party]:
            del self._parties[name]
