"""Mail to and from computations that move: nothing is lost, doubled or reordered.

Rules:
    - Every party (see `letters`) has one `Endpoint`, at the host where the party is: a stream out
      for each receiver and a stream in for each sender (see `streams`). A computation's endpoint
      travels in its snapshot, with the numbers, the held-back and unread letters and the outbox;
      the tables of numbers end with the computation.
    - A frozen endpoint parks what arrives. After the move the old host forwards what was parked
      and what still comes, and answers `Moved` (see `stub`). Who thaws tells its senders.
    - What stays unanswered is sent again; after a few times the directory is asked (`Locate`).
    - An answer is mail too, back to the asker. An ask is answered, fails or runs out of time, once.
    - A durable party (one that is saved) settles letters only when a snapshot that holds them is
      on disk; going back to it after a crash, it is sent again what came later. What it wrote
      after that snapshot may be written again: what lies between two safe points may happen twice.
    - A party that has ended answers `Gone`; its last letters still go out.

Forwarding stubs alone do not do this: a test keeps the model that finds what they lose.
"""

from enum import Enum
from typing import Any, assert_never

from simulacra.actors.compute import letters as m
from simulacra.actors.compute.asks import Asks, Pending
from simulacra.actors.compute.inbox import ANSWERS, Inbox
from simulacra.actors.compute.outbox import Outbox
from simulacra.actors.compute.streams import Limits

SNAPSHOT_VERSION = 1


class State(Enum):
    """What an endpoint does with mail."""

    RUNNING = "running"
    FROZEN = "frozen"
    ENDED = "ended"


class Endpoint:
    """One party's mail: a state machine that takes events and gives commands.

    Args:
        name: the party's name, never used by another.
        place: where the party is.
        durable: whether the party is saved, so that its letters are settled by `Saved` only.
        limits: bounds and times.

    Attributes:
        parked: packets that came while the party was frozen; to be forwarded when it has left.
    """

    def __init__(
        self, name: str, place: m.Place, *, durable: bool = False, limits: Limits | None = None
    ) -> None:
        self.name = name
        self.state = State.RUNNING
        self.parked: list[m.Packet] = []
        self._limits = limits or Limits()
        self._outbox = Outbox(name, place, self._limits)
        self._inbox = Inbox(name, self._limits, durable=durable)
        self._asks = Asks()
        self._restored = False
        self._reason: Any = None
        self._commands: list[m.Command] = []

    @property
    def place(self) -> m.Place:
        """Where the party is."""
        return self._outbox.place

    @property
    def unread(self) -> int:
        """How many tells and asks the party has not taken."""
        return self._inbox.unread

    @property
    def senders(self) -> list[tuple[str, str]]:
        """Who wrote to the party, and the host where that one is, as far as is known."""
        return [(sender, self._outbox.host_of(sender)) for sender in self._inbox.senders]

    @property
    def delivered(self) -> bool:
        """Whether every letter of this party is settled: an ended one may then be forgotten."""
        return self._outbox.empty

    def deadline(self) -> float | None:
        """When to be stepped with `Tick`, in seconds; None for not at all."""
        if self.state is State.FROZEN:
            return None
        dues = (self._outbox.deadline(), self._asks.deadline())
        return min((due for due in dues if due is not None), default=None)

    def step(self, event: m.Event, now: float) -> list[m.Command]:  # noqa: C901, PLR0912 - a table
        """Take an event.

        Args:
            event: what happened.
            now: the time in seconds, on a clock of this host that does not run backwards.

        Returns:
            What is to be done, in order.

        Raises:
            OutboxFullError: a tell or an ask to a receiver that has not taken those before.
            LookupError: a reply to no open ask: it was answered, or never was.
            ValueError: a request id used twice, a thaw at a place that is not newer, or the
                party writes while it is frozen or after its end.
        """
        self._commands = []
        match event:
            case m.Tell(to, body):
                self._check_running()
                self._outbox.admit(to)
                self._commands += self._outbox.write(to, "tell", body, now)
            case m.Ask():
                self._ask(event, now)
            case m.Reply():
                self._reply(event, now)
            case m.Arrived(packet):
                self._arrive(packet, now)
            case m.Located(name, place):
                self._commands += self._outbox.learn(name, place, now)
            case m.NotFound(name):
                self._lose(name, "noproc")
            case m.Consumed(serial):
                for sender in self._inbox.consume(serial):
                    self._take(sender)
            case m.Saved(mark):
                for sender in self._inbox.settle(mark):
                    self._acknowledge(sender)
            case m.Freeze():
                self._check_running()
                self.state = State.FROZEN
            case m.Thaw(place):
                self._thaw(place, now)
            case m.End(reason):
                self._end(reason, now)
            case m.Tick():
                self._tick(now)
            case _:
                assert_never(event)
        return self._commands

    def snapshot(self, now: float) -> dict[str, Any]:
        """All that must travel with the party, as plain data.

        Save it together with the party's own state of the same moment, then step with
        ``Saved(snapshot["in"]["mark"])``.

        Args:
            now: the time in seconds, as for `step`.
        """
        return {
            "version": SNAPSHOT_VERSION,
            "name": self.name,
            "out": self._outbox.to_plain(),
            "in": self._inbox.to_plain(),
            "asks": self._asks.to_plain(now),
        }

    @classmethod
    def restore(
        cls,
        snapshot: dict[str, Any],
        *,
        now: float,
        durable: bool = False,
        limits: Limits | None = None,
    ) -> "Endpoint":
        """The endpoint of a snapshot, frozen: `Thaw` at a newer place lets it go on.

        Args:
            snapshot: what `snapshot` gave, here or on another host.
            now: the time in seconds, as for `step`.
            durable: as for a new endpoint.
            limits: as for a new endpoint.

        Raises:
            ValueError: the snapshot is of another version.
        """
        if snapshot["version"] != SNAPSHOT_VERSION:
            raise ValueError(
                f"the mail of {snapshot['name']!r} was saved as version {snapshot['version']} and "
                f"this node reads version {SNAPSHOT_VERSION}; upgrade the older of the two nodes"
            )
        name, limits = snapshot["name"], limits or Limits()
        outbox = Outbox.from_plain(snapshot["out"], name, limits)
        self = cls(name, outbox.place, durable=durable, limits=limits)
        self.state = State.FROZEN
        self._restored = True
        self._outbox = outbox
        self._inbox = Inbox.from_plain(snapshot["in"], name, limits, durable=durable)
        self._asks = Asks.from_plain(snapshot["asks"], now)
        return self

    # Writing

    def _check_running(self) -> None:
        if self.state is not State.RUNNING:
            raise ValueError(f"{self.name!r} is {self.state.value}: its mail cannot change now")

    def _ask(self, ask: m.Ask, now: float) -> None:
        self._check_running()
        self._outbox.admit(ask.to)
        if ask.request in self._asks:
            raise ValueError(f"request {ask.request!r} waits for its answer; take a new id")
        due = None if ask.timeout is None else now + ask.timeout
        self._asks.wait(ask.request, Pending(ask.to, self._outbox.next_number(ask.to), due))
        self._commands += self._outbox.write(ask.to, "ask", ask.body, now, request=ask.request)

    def _reply(self, reply: m.Reply, now: float) -> None:
        self._check_running()
        if not self._asks.close(reply.to, reply.request):
            raise LookupError(
                f"{reply.to!r} waits for no answer to request {reply.request!r}: answer an ask once"
            )
        kind: m.Kind = "error" if reply.failed else "answer"
        self._commands += self._outbox.write(reply.to, kind, reply.body, now, request=reply.request)

    # What arrives

    def _arrive(self, packet: m.Packet, now: float) -> None:
        if self.state is State.FROZEN:
            if len(self.parked) < self._limits.parked:
                self.parked.append(packet)
            return
        match packet:
            case m.Parcel():
                self._receive(packet, now)
            case m.Ack(name, home=home):
                self._commands += self._outbox.learn(name, home, now)
                self._commands += self._outbox.acknowledge(packet, now)
            case m.Moved(name, _, place):
                self._commands += self._outbox.learn(name, place, now)
            case m.Gone(name, _, received, reason):
                self._lose(name, reason, received)
            case m.Unknown(name, _):
                self._commands.append(m.Locate(name))
            case _:
                assert_never(packet)

    def _receive(self, parcel: m.Parcel, now: float) -> None:
        sender = parcel.letter.sender
        self._commands += self._outbox.learn(sender, parcel.home, now)
        if self.state is State.ENDED:
            gone = m.Gone(self.name, sender, self._inbox.received(sender), self._reason)
            self._commands.append(m.Send(parcel.home.host, gone))
            return
        self._inbox.hold(parcel)
        self._take(sender)

    def _take(self, sender: str, *, resend: bool = False) -> None:
        for serial, letter in self._inbox.take(sender):
            self._deliver(serial, letter)
        if self._inbox.checkpoint_due(sender):
            self._commands.append(m.CheckpointDue())
        self._acknowledge(sender, resend=resend)

    def _deliver(self, serial: int, letter: m.Letter) -> None:
        if letter.kind not in ANSWERS:
            if letter.kind == "ask":
                self._asks.open(letter.sender, letter.request)
            self._commands.append(m.Deliver(serial, letter))
        elif self._asks.finish(letter.request):
            failed = letter.kind == "error"
            self._commands.append(m.Answered(letter.request, letter.body, failed))

    def _acknowledge(self, sender: str, *, resend: bool = False) -> None:
        ack = self._inbox.acknowledgement(sender, self.place, resend=resend)
        self._commands.append(m.Send(self._outbox.host_of(sender), ack))

    def _lose(self, name: str, reason: Any, received: int | None = None) -> None:
        """A party has ended; without `received` nothing that it wrote is under way any more."""
        for letter in self._outbox.give_up(name, received or 0):
            if letter.kind != "ask":
                self._commands.append(m.Undelivered(letter, reason))
        lost = self._asks.lose(name, received)
        self._commands += [m.Failed(request, reason) for request in lost]

    # Time, and the party's own course

    def _tick(self, now: float) -> None:
        if self.state is State.FROZEN:
            return
        self._commands += self._outbox.expire(now)
        self._commands += [m.Failed(request, "timeout") for request in self._asks.expire(now)]

    def _thaw(self, place: m.Place, now: float) -> None:
        right = place > self.place if self._restored else place == self.place
        if self.state is not State.FROZEN or not right:
            raise ValueError(
                f"{self.name!r} is {self.state.value} at {self.place} and cannot thaw at {place}: "
                "after a freeze it goes on where it was, from a snapshot at a newer place"
            )
        self.state = State.RUNNING
        if self._restored:
            self._set_out_again(place, now)
        self._take_parked(now)

    def _set_out_again(self, place: m.Place, now: float) -> None:
        self._restored = False
        self._commands += self._outbox.set_out(place, now)
        for serial, letter in self._inbox.queue_again():
            self._deliver(serial, letter)
        for sender in self._inbox.senders:
            self._take(sender, resend=True)

    def _take_parked(self, now: float) -> None:
        parked, self.parked = self.parked, []
        for packet in parked:
            self._arrive(packet, now)

    def _end(self, reason: Any, now: float) -> None:
        self.state, self._reason = State.ENDED, reason
        self._inbox.clear()
        for asker, request in self._asks.end():
            self._commands += self._outbox.write(asker, "error", reason, now, request=request)
        self._take_parked(now)
