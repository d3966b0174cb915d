"""A computation's mail, between its worker and its endpoint.

The worker writes to names; the endpoint (see `mail`) writes to parties. The post office finds who
has a name, and until it has, letters to that name wait here, in order; they are part of what is
saved with the computation. Bodies are bytes that only workers look into.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from simulacra.actors.compute import messages as w
from simulacra.actors.compute.letters import (
    Answered,
    Ask,
    CheckpointDue,
    Command,
    Consumed,
    Deliver,
    End,
    Event,
    Failed,
    Locate,
    Located,
    Place,
    Reply,
    Send,
    Tell,
    Thaw,
    Undelivered,
)
from simulacra.actors.compute.mail import Endpoint, State
from simulacra.actors.compute.outbox import OutboxFullError
from simulacra.actors.compute.post_messages import Resolved

logger = logging.getLogger(__name__)

_UNRESOLVED_LIMIT: Final = 1024

Step = Callable[[Event], None]


class Correspondence:
    """The mail of one computation while it lives on this host.

    Args:
        snapshot: what `snapshot` or `first` gave.
        next_place: gives the newer place where it lives now, from that in the snapshot.
        clock: monotonic seconds.
        to_worker: sends a message to the worker; False when it cannot take it now.
        to_post: sends a packet (`Send`), or asks for a place (`Locate`).
        resolve: asks the post office who has a name; `resolved` is to be called with the answer.
        lost: called with each body that will never be read.
        checkpoint: called when much mail waits for a checkpoint.
    """

    def __init__(
        self,
        snapshot: dict[str, Any],
        next_place: Callable[[Place], Place],
        *,
        clock: Callable[[], float],
        to_worker: Callable[[w.ToWorker], bool],
        to_post: Callable[[Send | Locate], None],
        resolve: Callable[[str], None],
        lost: Callable[[Any], None],
        checkpoint: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._to_worker = to_worker
        self._to_post = to_post
        self._resolve = resolve
        self._lost = lost
        self._checkpoint = checkpoint
        self._unresolved: dict[str, list[w.Send | w.Ask]] = {}
        self._parties: dict[str, str] = {}
        self._waiting: deque[w.Mail] = deque()
        self.endpoint = Endpoint.restore(snapshot["endpoint"], now=clock(), durable=True)
        self.step(Thaw(next_place(self.endpoint.place)))
        for name, body in snapshot["unresolved"]:
            self._write(name, w.Send(0, name, body))

    # -- saved with the computation

    @staticmethod
    def first(party: str, host: str) -> dict[str, Any]:
        """The snapshot of a computation that has not begun."""
        return {"endpoint": Endpoint(party, Place(0, 0, host)).snapshot(0.0), "unresolved": []}

    def snapshot(self) -> dict[str, Any]:
        """All mail as plain data, as of this moment."""
        sends = [
            [name, letter.body]
            for name, letters in self._unresolved.items()
            for letter in letters
            if isinstance(letter, w.Send)  # asks are asked again by the code that runs again
        ]
        return {"endpoint": self.endpoint.snapshot(self._clock()), "unresolved": sends}

    # -- from the worker

    def heard(self, message: w.Send | w.Ask | w.Reply | w.Taken) -> None:
        """The worker writes, or has taken mail."""
        match message:
            case w.Send(to=to) | w.Ask(to=to):
                self._write(to, message)
            case w.Reply(ask=key, body=body, error=error):
                asker, _, request = key.rpartition(" ")
                answer: Any = body if error is None else [*error, ""]
                try:
                    self.step(Reply(asker, request, answer, failed=error is not None))
                except LookupError:
                    logger.debug("a second answer to %s is dropped", key)
            case w.Taken(n=n):
                self.step(Consumed(n))
                self.pump()

    def _write(self, name: str, letter: w.Send | w.Ask) -> None:
        party = self._parties.get(name)
        if party is not None:
            self._post_letter(party, letter)
            return
        waiting = self._unresolved.setdefault(name, [])
        if len(waiting) >= _UNRESOLVED_LIMIT:
            self._refuse(letter, f"too many letters wait until somebody is called {name!r}")
            return
        waiting.append(letter)
        if len(waiting) == 1:
            self._resolve(name)

    def resolve_again(self, name: str) -> None:
        """Ask once more who has a name, if letters still wait for that."""
        if name in self._unresolved:
            self._resolve(name)

    def resolved(self, answer: Resolved) -> None:
        """The post office's answer; letters wait on while it is not certain that nobody has it."""
        name, found = answer.name, answer.found
        if self.endpoint.state is State.FROZEN or (found is None and not answer.certain):
            return  # frozen, they are in the snapshot already
        letters = self._unresolved.pop(name, [])
        if found is not None:
            self._parties[name] = found.party
            self.step(Located(found.party, found.place))
        for letter in letters:
            if found is None:
                self._refuse(letter, f"nobody in the network is called {name!r}")
            else:
                self._post_letter(found.party, letter)

    def thaw(self) -> None:
        """Go on where it was frozen."""
        self.step(Thaw(self.endpoint.place))
        for name in self._unresolved:
            self._resolve(name)

    def end(self, reason: str) -> None:
        """The computation has ended; messages that still wait for an address go out later."""
        for name, letters in self._unresolved.items():
            self._unresolved[name] = [each for each in letters if isinstance(each, w.Send)]
        if self.endpoint.state is State.FROZEN:
            self.thaw()
        self.step(End(reason))

    def _post_letter(self, party: str, letter: w.Send | w.Ask) -> None:
        try:
            match letter:
                case w.Send(body=body):
                    self.step(Tell(party, body))
                case w.Ask(request=request, body=body, timeout=timeout):
                    self.step(Ask(party, body, self._request_id(request), timeout))
        except OutboxFullError as error:
            self._refuse(letter, str(error))

    def _request_id(self, request: int) -> str:
        place = self.endpoint.place
        return f"{place.epoch}.{place.life}.{request}"

    def _refuse(self, letter: w.Send | w.Ask, why: str) -> None:
        if isinstance(letter, w.Ask):
            self._to_worker(w.Answer(letter.request, error=("LookupError", why)))
        else:
            self._lost(letter.body)
            logger.warning("%s: a message to %s is lost: %s", self.endpoint.name, letter.to, why)

    # -- the endpoint

    def step(self, event: Event) -> None:
        """Step the endpoint, and do what it says."""
        for command in self.endpoint.step(event, self._clock()):
            self._obey(command)

    def _obey(self, command: Command) -> None:
        match command:
            case Send() | Locate():
                self._to_post(command)
            case Deliver(serial, letter):
                ask = f"{letter.sender} {letter.request}" if letter.kind == "ask" else None
                self._waiting.append(w.Mail(serial, letter.sender, letter.body, ask))
                self.pump()
            case Answered(request, str() as reason, True):
                self._answer(request, None, _failure(f"it has ended: {reason}"))
            case Answered(request, body, failed):
                error = tuple(body[:2]) if failed else None
                self._answer(request, None if failed else body, error)
            case Failed(request, reason):
                self._answer(request, None, _failure(reason))
            case Undelivered(letter, _):
                self._forget_party(letter.to)
                name = letter.to.rpartition("#")[0]  # whoever has the name now
                self._write(name, w.Send(0, name, letter.body))
            case CheckpointDue():
                self._checkpoint()

    def _answer(self, request: str, body: Any, error: Any) -> None:
        stamp, _, number = request.rpartition(".")
        place = self.endpoint.place
        if stamp == f"{place.epoch}.{place.life}":  # else an earlier worker asked, and is gone
            self._to_worker(w.Answer(int(number), body, error))

    def _forget_party(self, party: str) -> None:
        self._parties = {name: known for name, known in self._parties.items() if known != party}

    def pump(self) -> None:
        """Give the worker as much of its mail as it takes."""
        while self._waiting and self._to_worker(self._waiting[0]):
            self._waiting.popleft()


def _failure(reason: Any) -> tuple[str, str]:
    if reason == "timeout":
        return "TimeoutError", "no answer in time"
    return "LookupError", f"no answer: {reason}"
