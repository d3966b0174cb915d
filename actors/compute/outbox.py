"""All that a party has written and that is not settled, and where those are that it writes to."""

from typing import Any

from simulacra.actors.compute import letters as m
from simulacra.actors.compute.streams import Limits, Outgoing


class OutboxFullError(Exception):
    """The receiver has not taken the letters written before; the new one was not accepted."""


class Outbox:
    """The streams out of one party, one for each receiver.

    Every method that takes the time gives the commands that follow.

    Args:
        name: the party.
        place: where the party is.
        limits: bounds and times.

    Attributes:
        place: where the party is; stands on every letter that is sent.
    """

    def __init__(self, name: str, place: m.Place, limits: Limits) -> None:
        self.place = place
        self._name = name
        self._limits = limits
        self._places: dict[str, m.Place] = {}
        self._streams: dict[str, Outgoing] = {}

    @property
    def empty(self) -> bool:
        """Whether every letter is settled."""
        return all(not stream.unsettled for stream in self._streams.values())

    def deadline(self) -> float | None:
        """When something is to be sent again, in seconds; None for never."""
        dues = (stream.due for stream in self._streams.values())
        return min((due for due in dues if due is not None), default=None)

    def host_of(self, name: str) -> str:
        """The host of a party that was heard of."""
        return self._places[name].host

    def admit(self, to: str) -> None:
        """Check that there is room for one more letter.

        Raises:
            OutboxFullError: there is none.
        """
        stream = self._streams.get(to)
        if stream is not None and len(stream.unsettled) >= self._limits.outbox:
            raise OutboxFullError(
                f"{to!r} has not taken {len(stream.unsettled)} letters of {self._name!r} yet, and "
                "more are not kept; write slower, or look at it with: simulacra ps"
            )

    def next_number(self, to: str) -> int:
        """The number that the next letter to a party will have."""
        return self._streams[to].next if to in self._streams else 1

    def write(
        self, to: str, kind: m.Kind, body: Any, now: float, *, request: str = ""
    ) -> list[m.Command]:
        """Add a letter, whether there is room or not."""
        first = ((self.place.life, 1),)
        stream = self._streams.setdefault(to, Outgoing(to, bases=first))
        stream.write(m.Letter(self._name, to, stream.next, kind, request, body))
        return self._pump(stream, now)

    def learn(self, name: str, place: m.Place, now: float) -> list[m.Command]:
        """A party is said to be at a place; what is older than what is known is ignored."""
        known = self._places.get(name)
        if known is not None and place <= known:
            return []
        self._places[name] = place
        return self._restart(self._streams[name], now) if name in self._streams else []

    def acknowledge(self, ack: m.Ack, now: float) -> list[m.Command]:
        """A receiver says what it has."""
        stream = self._streams.get(ack.name)
        if stream is None:
            return []
        stream.acknowledge(ack, self.place.life)
        stream.rest(now, self._limits)
        return self._pump(stream, now)

    def give_up(self, name: str, received: int) -> list[m.Letter]:
        """A party is gone: forget what it was written; give what it had not received."""
        stream = self._streams.get(name)
        if stream is None:
            return []
        stream.received = max(stream.received, received)
        return stream.give_up()

    def expire(self, now: float) -> list[m.Command]:
        """Send again what is due, and ask the directory after some time."""
        commands: list[m.Command] = []
        for stream in self._streams.values():
            if stream.due is not None and stream.due <= now:
                letters = stream.expire(now, self._limits)
                located = stream.to in self._places
                commands += [self._send(stream, letter) for letter in letters if located]
                if not located or stream.timeouts >= self._limits.patience:
                    commands.append(m.Locate(stream.to))
        return commands

    def set_out(self, place: m.Place, now: float) -> list[m.Command]:
        """The party begins anew from a snapshot at a place: send what may not have come."""
        if place.life > self.place.life:
            for stream in self._streams.values():
                stream.reborn(place.life)
        self.place = place
        restarts = (self._restart(stream, now) for stream in self._streams.values())
        return [command for commands in restarts for command in commands]

    def to_plain(self) -> dict[str, Any]:
        """All of it for a snapshot, without times."""
        return {
            "place": [self.place.epoch, self.place.life, self.place.host],
            "places": [[name, p.epoch, p.life, p.host] for name, p in self._places.items()],
            "streams": [stream.to_plain() for stream in self._streams.values()],
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any], name: str, limits: Limits) -> "Outbox":
        """What `to_plain` gave."""
        self = cls(name, m.Place(*plain["place"]), limits)
        self._places = {party: m.Place(*place) for party, *place in plain["places"]}
        self._streams = {fields[0]: Outgoing.from_plain(fields) for fields in plain["streams"]}
        return self

    def _restart(self, stream: Outgoing, now: float) -> list[m.Command]:
        stream.restart()
        return self._pump(stream, now)

    def _pump(self, stream: Outgoing, now: float) -> list[m.Command]:
        commands: list[m.Command] = []
        if stream.to in self._places:
            commands += [self._send(stream, letter) for letter in stream.ready(self._limits)]
        elif stream.due is None:
            commands.append(m.Locate(stream.to))
        if stream.due is None:
            stream.rest(now, self._limits)
        return commands

    def _send(self, stream: Outgoing, letter: m.Letter) -> m.Send:
        return m.Send(self.host_of(stream.to), m.Parcel(letter, self.place, stream.bases))
