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

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Any, assert_never

from simulacra.actors.compute.letters import (
    Ack,
    Answered,
    Arrived,
    Ask,
    CheckpointDue,
    Command,
    Consumed,
    Deliver,
    End,
    Event,
    Failed,
    Freeze,
    Gone,
    Kind,
    Letter,
    Locate,
    Located,
    Moved,
    NotFound,
    Packet,
    Parcel,
    Place,
    Reply,
    Saved,
    Send,
    Tell,
    Thaw,
    Tick,
    Undelivered,
    Unknown,
)
from simulacra.actors.compute.streams import Incoming, Limits, Outgoing

SNAPSHOT_VERSION = 1


class OutboxFullError(Exception):
    """The receiver has not taken the letters written before; the new one was not accepted."""


class State(Enum):
    """What an endpoint does with mail."""

    RUNNING = "running"
    FROZEN = "frozen"
    ENDED = "ended"


@dataclass
class _PendingAsk:
    to: str
    n: int
    due: float | None


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
        self, name: str, place: Place, *, durable: bool = False, limits: Limits | None = None
    ) -> None:
        self.name = name
        self.place = place
        self.state = State.RUNNING
        self.parked: list[Packet] = []
        self._durable = durable
        self._limits = limits or Limits()
        self._places: dict[str, Place] = {}
        self._out: dict[str, Outgoing] = {}
        self._in: dict[str, Incoming] = {}
        self._unread: deque[tuple[int, Letter]] = deque()
        self._starved: set[str] = set()
        self._serial = 0
        self._open: set[tuple[str, str]] = set()
        self._asks: dict[str, _PendingAsk] = {}
        self._mark = 0
        self._marks: dict[int, dict[str, tuple[int, int]]] = {}
        self._checkpoint_due = False
        self._restored = False
        self._reason: Any = None
        self._commands: list[Command] = []

    @property
    def delivered(self) -> bool:
        """Whether every letter of this party is settled: an ended one may then be forgotten."""
        return all(not out.unsettled for out in self._out.values())

    def deadline(self) -> float | None:
        """When to be stepped with `Tick`, in seconds; None for not at all."""
        if self.state is State.FROZEN:
            return None
        dues = [out.due for out in self._out.values()] + [ask.due for ask in self._asks.values()]
        return min((due for due in dues if due is not None), default=None)

    def step(self, event: Event, now: float) -> list[Command]:  # noqa: C901, PLR0912 - a table
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
            case Tell(to, body):
                self._admit(to)
                self._write(to, "tell", "", body, now)
            case Ask():
                self._ask(event, now)
            case Reply():
                self._reply(event, now)
            case Arrived(packet):
                self._arrive(packet, now)
            case Located(name, place):
                self._learn(name, place, now)
            case NotFound(name):
                self._lose(name, "noproc")
            case Consumed(serial):
                self._consume(serial)
            case Saved(mark):
                self._settle(mark)
            case Freeze():
                self._check_running()
                self.state = State.FROZEN
            case Thaw(place):
                self._thaw(place, now)
            case End(reason):
                self._end(reason, now)
            case Tick():
                self._tick(now)
            case _:
                assert_never(event)
        return self._commands

    def snapshot(self, now: float) -> dict[str, Any]:
        """All that must travel with the party, as plain data.

        Save it together with the party's own state of the same moment, then step with
        ``Saved(snapshot["mark"])``.

        Args:
            now: the time in seconds, as for `step`.
        """
        self._mark += 1
        self._marks[self._mark] = {n: (s.life, s.next - 1) for n, s in self._in.items()}
        self._checkpoint_due = False
        return {
            "version": SNAPSHOT_VERSION,
            "mark": self._mark,
            "name": self.name,
            "place": [self.place.epoch, self.place.life, self.place.host],
            "places": [[name, p.epoch, p.life, p.host] for name, p in self._places.items()],
            "out": [stream.to_plain() for stream in self._out.values()],
            "in": [[name, stream.to_plain()] for name, stream in self._in.items()],
            "unread": [letter.to_plain() for _, letter in self._unread],
            "open": sorted([asker, request] for asker, request in self._open),
            "asks": [
                [request, ask.to, ask.n, None if ask.due is None else ask.due - now]
                for request, ask in self._asks.items()
            ],
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
        self = cls(snapshot["name"], Place(*snapshot["place"]), durable=durable, limits=limits)
        self.state = State.FROZEN
        self._restored = True
        self._mark = snapshot["mark"]
        self._places = {name: Place(*place) for name, *place in snapshot["places"]}
        self._out = {plain[0]: Outgoing.from_plain(plain) for plain in snapshot["out"]}
        self._in = {name: Incoming.from_plain(plain) for name, plain in snapshot["in"]}
        self._starved = set(self._in)
        self._unread = deque((0, Letter(*fields)) for fields in snapshot["unread"])
        self._open = {(asker, request) for asker, request in snapshot["open"]}
        self._asks = {
            request: _PendingAsk(to, n, None if left is None else now + left)
            for request, to, n, left in snapshot["asks"]
        }
        return self

    # Writing

    def _check_running(self) -> None:
        if self.state is not State.RUNNING:
            raise ValueError(f"{self.name!r} is {self.state.value}: its mail cannot change now")

    def _admit(self, to: str) -> None:
        self._check_running()
        out = self._out.get(to)
        if out is not None and len(out.unsettled) >= self._limits.outbox:
            raise OutboxFullError(
                f"{to!r} has not taken {len(out.unsettled)} letters of {self.name!r} yet, and "
                "more are not kept; write slower, or look at it with: simulacra ps"
            )

    def _ask(self, ask: Ask, now: float) -> None:
        self._admit(ask.to)
        if ask.request in self._asks:
            raise ValueError(f"request {ask.request!r} waits for its answer; take a new id")
        due = None if ask.timeout is None else now + ask.timeout
        n = self._write(ask.to, "ask", ask.request, ask.body, now)
        self._asks[ask.request] = _PendingAsk(ask.to, n, due)

    def _reply(self, reply: Reply, now: float) -> None:
        self._check_running()
        key = (reply.to, reply.request)
        if key not in self._open:
            raise LookupError(
                f"{reply.to!r} waits for no answer to request {reply.request!r}: answer an ask once"
            )
        self._open.remove(key)
        kind: Kind = "error" if reply.failed else "answer"
        self._write(reply.to, kind, reply.request, reply.body, now)

    def _write(self, to: str, kind: Kind, request: str, body: Any, now: float) -> int:
        out = self._out.setdefault(to, Outgoing(to))
        letter = Letter(self.name, to, out.next, kind, request, body)
        out.write(letter)
        self._pump(out, now)
        return letter.n

    def _pump(self, out: Outgoing, now: float) -> None:
        if out.to in self._places:
            for letter in out.ready(self._limits):
                self._send(letter)
        elif out.due is None:
            self._commands.append(Locate(out.to))
        if out.due is None:
            out.rest(now, self._limits)

    def _send(self, letter: Letter) -> None:
        parcel = Parcel(letter, self.place, self._out[letter.to].base)
        self._commands.append(Send(self._places[letter.to].host, parcel))

    # What arrives

    def _arrive(self, packet: Packet, now: float) -> None:
        if self.state is State.FROZEN:
            if len(self.parked) < self._limits.parked:
                self.parked.append(packet)
            return
        match packet:
            case Parcel():
                self._receive(packet, now)
            case Ack():
                self._acknowledged(packet, now)
            case Moved(name, _, place):
                self._learn(name, place, now)
            case Gone(name, _, received, reason):
                self._lose(name, reason, received)
            case Unknown(name, _):
                self._commands.append(Locate(name))
            case _:
                assert_never(packet)

    def _receive(self, parcel: Parcel, now: float) -> None:
        sender = parcel.letter.sender
        self._learn(sender, parcel.home, now)
        stream = self._in.setdefault(sender, Incoming())
        if self.state is State.ENDED:
            gone = Gone(self.name, sender, stream.next - 1, self._reason)
            self._commands.append(Send(parcel.home.host, gone))
            return
        stream.hold(parcel, self._limits)
        self._take(sender, stream)
        self._acknowledge(sender)

    def _take(self, sender: str, stream: Incoming) -> None:
        self._starved.discard(sender)
        while (letter := stream.turn()) is not None:
            if letter.kind in {"answer", "error"}:
                if self._asks.pop(letter.request, None) is not None:
                    failed = letter.kind == "error"
                    self._commands.append(Answered(letter.request, letter.body, failed))
            elif len(self._unread) < self._limits.unread:
                self._deliver(letter)
            else:
                self._starved.add(sender)
                break
            stream.take()
        unsettled = stream.next - 1 - stream.settled
        if self._durable and not self._checkpoint_due and unsettled >= self._limits.outbox // 2:
            self._checkpoint_due = True
            self._commands.append(CheckpointDue())

    def _deliver(self, letter: Letter) -> None:
        if letter.kind == "ask":
            self._open.add((letter.sender, letter.request))
        self._serial += 1
        self._unread.append((self._serial, letter))
        self._commands.append(Deliver(self._serial, letter))

    def _consume(self, serial: int) -> None:
        while self._unread and self._unread[0][0] <= serial:
            self._unread.popleft()
        for sender in sorted(self._starved):
            self._take(sender, self._in[sender])
            self._acknowledge(sender)

    def _settle(self, mark: int) -> None:
        saved = self._marks.get(mark, {})
        self._marks = {later: table for later, table in self._marks.items() if later > mark}
        for sender, (life, received) in saved.items():
            if self._in[sender].settle(life, received):
                self._acknowledge(sender)

    def _acknowledge(self, sender: str, *, resend: bool = False) -> None:
        stream = self._in[sender]
        received = stream.next - 1
        settled = stream.settled if self._durable else received
        ack = Ack(self.name, sender, received, settled, stream.life, self.place, resend)
        self._commands.append(Send(self._places[sender].host, ack))

    def _acknowledged(self, ack: Ack, now: float) -> None:
        self._learn(ack.name, ack.home, now)
        out = self._out.get(ack.name)
        if out is not None:
            out.acknowledge(ack, self.place.life)
            out.rest(now, self._limits)
            self._pump(out, now)

    # Where parties are, and whether

    def _learn(self, name: str, place: Place, now: float) -> None:
        known = self._places.get(name)
        if known is not None and place <= known:
            return
        self._places[name] = place
        out = self._out.get(name)
        if out is not None:
            out.restart()
            self._pump(out, now)

    def _lose(self, name: str, reason: Any, received: int | None = None) -> None:
        """A party has ended; without `received` nothing that it wrote is under way any more."""
        out = self._out.get(name)
        if out is None:
            return
        out.received = max(out.received, received or 0)
        for letter in out.give_up():
            if letter.kind != "ask":
                self._commands.append(Undelivered(letter, reason))
        for request, ask in list(self._asks.items()):
            if ask.to == name and (received is None or ask.n > received):
                del self._asks[request]
                self._commands.append(Failed(request, reason))

    # Time, and the party's own course

    def _tick(self, now: float) -> None:
        if self.state is State.FROZEN:
            return
        for out in self._out.values():
            if out.due is not None and out.due <= now:
                self._resend(out, now)
        for request, ask in list(self._asks.items()):
            if ask.due is not None and ask.due <= now:
                del self._asks[request]
                self._commands.append(Failed(request, "timeout"))

    def _resend(self, out: Outgoing, now: float) -> None:
        letters = out.expire(now, self._limits)
        located = out.to in self._places
        if located:
            for letter in letters:
                self._send(letter)
        if not located or out.timeouts >= self._limits.patience:
            self._commands.append(Locate(out.to))

    def _thaw(self, place: Place, now: float) -> None:
        if self.state is not State.FROZEN or place < self.place:
            raise ValueError(f"{self.name!r} is {self.state.value} at {self.place}, not {place}")
        if self._restored and place == self.place:
            raise ValueError(f"{self.name!r} was at {place} before; a restored one needs a newer")
        if place.life > self.place.life:
            for out in self._out.values():
                out.reborn()
        self.place, self.state = place, State.RUNNING
        if self._restored:
            self._set_out_again(now)
        parked, self.parked = self.parked, []
        for packet in parked:
            self._arrive(packet, now)

    def _set_out_again(self, now: float) -> None:
        self._restored = False
        unread, self._unread = self._unread, deque()
        for _, letter in unread:
            self._deliver(letter)
        for sender, stream in self._in.items():
            self._take(sender, stream)
            self._acknowledge(sender, resend=True)
        for out in self._out.values():
            out.restart()
            self._pump(out, now)

    def _end(self, reason: Any, now: float) -> None:
        self.state, self._reason = State.ENDED, reason
        self._asks.clear()
        self._unread.clear()
        for asker, request in sorted(self._open):
            self._write(asker, "error", request, reason, now)
        self._open.clear()
        parked, self.parked = self.parked, []
        for packet in parked:
            self._arrive(packet, now)
