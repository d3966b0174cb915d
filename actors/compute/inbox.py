"""All that a party gets: the streams in, what it has not consumed yet, and what is safe on disk."""

from collections import deque
from typing import Any

from simulacra.actors.compute import letters as m
from simulacra.actors.compute.streams import Incoming, Limits

MARKS_KEPT = 8  # snapshots that may be on their way to the disk
ANSWERS = frozenset({"answer", "error"})


class Inbox:
    """The streams into one party, one for each sender, and its queue of tells and asks.

    Args:
        name: the party.
        durable: whether letters are settled only once a snapshot that holds them is on disk.
        limits: bounds.
    """

    def __init__(self, name: str, limits: Limits, *, durable: bool) -> None:
        self._name = name
        self._durable = durable
        self._limits = limits
        self._streams: dict[str, Incoming] = {}
        self._unread: deque[tuple[int, m.Letter]] = deque()
        self._serial = 0
        self._starved: set[str] = set()
        self._mark = 0
        self._marks: dict[int, dict[str, tuple[int, int]]] = {}
        self._save_asked = False

    @property
    def unread(self) -> int:
        """How many tells and asks the party has not taken."""
        return len(self._unread)

    @property
    def senders(self) -> list[str]:
        """All that a letter was taken or held from."""
        return list(self._streams)

    def hold(self, parcel: m.Parcel) -> None:
        """Keep a letter that came until `take`."""
        self._streams.setdefault(parcel.letter.sender, Incoming()).hold(parcel, self._limits)

    def received(self, sender: str) -> int:
        """The number of the last letter that was taken from a sender; 0 for none."""
        return self._streams[sender].next - 1 if sender in self._streams else 0

    def take(self, sender: str) -> list[tuple[int, m.Letter]]:
        """The letters of a sender whose turn it is, with their serial numbers.

        Answers have serial number 0: they do not queue, and are taken however full the queue is.
        """
        stream, taken = self._streams[sender], []
        self._starved.discard(sender)
        while (letter := stream.turn()) is not None:
            if letter.kind not in ANSWERS and len(self._unread) >= self._limits.unread:
                self._starved.add(sender)
                break
            stream.take()
            taken.append((0 if letter.kind in ANSWERS else self._queue(letter), letter))
        return taken

    def consume(self, serial: int) -> list[str]:
        """The party has consumed all up to `serial`: whose letters may now find room."""
        while self._unread and self._unread[0][0] <= serial:
            self._unread.popleft()
        return sorted(self._starved)

    def queue_again(self) -> list[tuple[int, m.Letter]]:
        """Number what is unread anew: it was delivered to a process that is no more."""
        letters = [letter for _, letter in self._unread]
        self._unread.clear()
        return [(self._queue(letter), letter) for letter in letters]

    def clear(self) -> None:
        """Forget what is unread."""
        self._unread.clear()

    def settle(self, mark: int) -> list[str]:
        """The snapshot with this mark is on disk: whose letters were settled by it."""
        saved = self._marks.get(mark, {})
        self._marks = {later: table for later, table in self._marks.items() if later > mark}
        return [
            sender
            for sender, (life, received) in saved.items()
            if self._streams[sender].settle(life, received)
        ]

    def checkpoint_due(self, sender: str) -> bool:
        """Whether so much of a sender waits to be settled that a snapshot is due; says so once."""
        stream = self._streams[sender]
        many = stream.next - 1 - stream.settled >= self._limits.outbox // 2
        due = self._durable and many and not self._save_asked
        self._save_asked = self._save_asked or due
        return due

    def acknowledgement(self, sender: str, home: m.Place, *, resend: bool = False) -> m.Ack:
        """What to tell a sender about its letters."""
        stream = self._streams[sender]
        received = stream.next - 1
        settled = stream.settled if self._durable else received
        return m.Ack(self._name, sender, received, settled, stream.life, home, resend)

    def to_plain(self) -> dict[str, Any]:
        """All of it for a snapshot, which has a new ``"mark"``."""
        self._mark += 1
        self._marks[self._mark] = {n: (s.life, s.next - 1) for n, s in self._streams.items()}
        self._marks.pop(self._mark - MARKS_KEPT, None)
        self._save_asked = False
        return {
            "mark": self._mark,
            "streams": [[name, stream.to_plain()] for name, stream in self._streams.items()],
            "unread": [letter.to_plain() for _, letter in self._unread],
        }

    @classmethod
    def from_plain(
        cls, plain: dict[str, Any], name: str, limits: Limits, *, durable: bool
    ) -> "Inbox":
        """What `to_plain` gave; `queue_again` has to follow before the party goes on."""
        self = cls(name, limits, durable=durable)
        self._mark = plain["mark"]
        self._streams = {sender: Incoming.from_plain(fields) for sender, fields in plain["streams"]}
        self._unread = deque((0, m.Letter(*fields)) for fields in plain["unread"])
        return self

    def _queue(self, letter: m.Letter) -> int:
        self._serial += 1
        self._unread.append((self._serial, letter))
        return self._serial
