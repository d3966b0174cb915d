"""The two ends of one stream of letters: numbers that make it exact, whatever the network does.

Rules:
    - The sender numbers letters from 1 and keeps each until it is *settled*: safe from a crash of
      the receiver. It sends up to a window of letters past what was *received*, and again
      after a time that doubles, until they are.
    - The receiver takes letters in the order of their numbers, holds back what comes early
      (a window of it; more is dropped and will be sent again) and drops what it has.
    - A receiver that goes back to an older snapshot says so with a newer place in its
      acknowledgement, and is sent again what it forgot.
    - A sender that goes back to an older snapshot has a new *life* and gives the numbers from some
      *base* on anew, to new letters. It sends the bases of its lives along until the receiver
      has settled letters past them; a receiver that knows an older life goes back to the lowest
      base since. What is sent or acknowledged in another life than the present does not count.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from simulacra.actors.compute.letters import Ack, Letter, Parcel, Place


@dataclass(frozen=True)
class Limits:
    """Bounds and times of mail.

    Attributes:
        outbox: letters unsettled per receiver; one more tell or ask is refused with an error.
            Answers are exempt: their number is bounded by the asks.
        window: letters under way or held back per stream; more wait in the outbox.
        unread: tells and asks delivered but not consumed; more stay held back, unacknowledged.
        parked: packets kept for a frozen party; more are dropped and will be sent again.
        resend: the first time after which a letter is sent again, in seconds; it doubles.
        resend_limit: the longest such time, in seconds.
        resend_batch: letters sent again at once when a time has run out.
        patience: how many times must run out before the directory is asked.
    """

    outbox: int = 1024
    window: int = 256
    unread: int = 1024
    parked: int = 1024
    resend: float = 0.2
    resend_limit: float = 5.0
    resend_batch: int = 16
    patience: int = 2


@dataclass
class Outgoing:
    """The sender's end: the outbox for one receiver.

    Attributes:
        to: the receiver.
        next: the number of the next letter.
        bases: lives of the sender's and the first number given anew in each, both growing.
        unsettled: the letters that may have to be sent again, oldest first.
        received: the receiver has all up to this number.
        sent: all up to this number were sent to where the receiver is now.
        heard: where the receiver was when it sent the newest acknowledgement.
        due: when to send again, on the clock of the present host.
        timeouts: how many times ran out since the receiver was last heard.
    """

    to: str
    next: int = 1
    bases: tuple[tuple[int, int], ...] = ()
    unsettled: deque[Letter] = field(default_factory=deque)
    received: int = 0
    sent: int = 0
    heard: Place | None = None
    due: float | None = None
    timeouts: int = 0

    def write(self, letter: Letter) -> None:
        """Put the letter with the next number into the outbox."""
        self.unsettled.append(letter)
        self.next += 1

    def ready(self, limits: Limits) -> list[Letter]:
        """The letters that the window lets go now, for the first time; they count as sent."""
        first = self.sent
        self.sent = max(first, min(self.next - 1, self.received + limits.window))
        return list(self._between(first, self.sent))

    def expire(self, now: float, limits: Limits) -> list[Letter]:
        """The time ran out: the letters to send again; one that was received asks for news."""
        self.timeouts += 1
        self.rest(now, limits)
        last = min(self.sent, self.received + limits.resend_batch)
        return list(self._between(self.received, last)) or [self.unsettled[0]]

    def rest(self, now: float, limits: Limits) -> None:
        """Set the next time to send again; none when nothing is left to be settled."""
        if not self.unsettled:
            self.due = None
        elif self.received >= self.next - 1:
            self.due = now + limits.resend_limit
        else:
            doubled = limits.resend * 2.0 ** min(self.timeouts, 16)
            self.due = now + min(doubled, limits.resend_limit)

    def acknowledge(self, ack: Ack, life: int) -> None:
        """Take an acknowledgement, in the sender's present life; an older place's is ignored."""
        if self.heard is not None and ack.home < self.heard:
            return
        received, settled = (ack.received, ack.settled) if ack.life == life else (0, 0)
        came_elsewhere = self.heard is not None and ack.home != self.heard
        self.received = received if came_elsewhere else max(self.received, received)
        if ack.resend or came_elsewhere:
            self.sent = self.received
        self.heard = ack.home
        self.timeouts = 0
        while self.unsettled and self.unsettled[0].n <= settled:
            self.unsettled.popleft()
        self.bases = tuple((since, base) for since, base in self.bases if base > settled)

    def restart(self) -> None:
        """Send again all that was not received: the receiver is elsewhere, or the sender is."""
        self.sent = self.received
        self.timeouts = 0

    def reborn(self, life: int) -> None:
        """Begin a new life: what was numbered from here on in an older one does not count."""
        lower = ((since, base) for since, base in self.bases if base < self.next)
        self.bases = (*lower, (life, self.next))

    def give_up(self) -> list[Letter]:
        """Forget the letters: those that were not received, as far as is known."""
        lost = [letter for letter in self.unsettled if letter.n > self.received]
        self.unsettled.clear()
        self.due = None
        self.received = self.sent = self.next - 1
        return lost

    def to_plain(self) -> list[Any]:
        """The end as a list for a snapshot; times are not part of it."""
        letters = [letter.to_plain() for letter in self.unsettled]
        return [self.to, self.next, [list(pair) for pair in self.bases], letters]

    @classmethod
    def from_plain(cls, plain: list[Any]) -> "Outgoing":
        """The end that `to_plain` gave; what was received has to be heard again."""
        to, number, pairs, letters = plain
        bases = tuple((since, base) for since, base in pairs)
        unsettled = deque(Letter(*fields) for fields in letters)
        settled = (unsettled[0].n if unsettled else number) - 1
        return cls(to, number, bases, unsettled, received=settled, sent=settled)

    def _between(self, after: int, last: int) -> Iterator[Letter]:
        return (letter for letter in self.unsettled if after < letter.n <= last)


@dataclass
class Incoming:
    """The receiver's end for one sender.

    Attributes:
        next: the number that is taken next.
        life: the sender's newest life.
        settled: all up to this number are in a snapshot on disk.
        held: letters that came early, by number.
    """

    next: int = 1
    life: int = 0
    settled: int = 0
    held: dict[int, Letter] = field(default_factory=dict)

    def hold(self, parcel: Parcel, limits: Limits) -> None:
        """Keep a letter until its turn, unless it was taken, is outdated or comes too early."""
        letter = parcel.letter
        if parcel.home.life > self.life:
            self._go_back(parcel)
        if parcel.home.life == self.life and self.next <= letter.n < self.next + limits.window:
            self.held[letter.n] = letter

    def turn(self) -> Letter | None:
        """The letter whose turn it is, if it is here."""
        return self.held.get(self.next)

    def take(self) -> None:
        """Count the letter whose turn it is as taken."""
        del self.held[self.next]
        self.next += 1

    def settle(self, life: int, received: int) -> bool:
        """What was received in a life of the sender's is on disk; whether that is news."""
        news = life == self.life and received > self.settled
        if news:
            self.settled = received
        return news

    def to_plain(self) -> list[Any]:
        """The end as a list for a snapshot."""
        held = [letter.to_plain() for letter in self.held.values()]
        return [self.next, self.life, held]

    @classmethod
    def from_plain(cls, plain: list[Any]) -> "Incoming":
        """The end that `to_plain` gave: being in a snapshot, all that was taken is settled."""
        number, life, letters = plain
        held = {letter.n: letter for letter in (Letter(*fields) for fields in letters)}
        return cls(number, life, number - 1, held)

    def _go_back(self, parcel: Parcel) -> None:
        unknown = [base for since, base in parcel.bases if since > self.life]
        self.life = parcel.home.life
        self.next = min([self.next, *unknown])
        self.settled = min(self.settled, self.next - 1)
        self.held.clear()
