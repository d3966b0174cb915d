"""The master's journal: entries in a sequence with a rolling hash, and the state that they make.

The hash of an entry is over the hash before it and the entry, so two journals with the same
(sequence, hash) hold the same records. A follower copies entries that follow on its own end; one
whose end is not in the master's journal has other records, gives those to be merged, and takes the
whole.

A request's answer is an entry's doing and is kept by its request id, so that a request that is sent
again is answered again and not done again; refusals too, since a late double could succeed.
Bounds: the last answers are kept, far more than can be asked in the longest time that a client
tries for; entries are folded into the base when they are many; histories keep their newest.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from simulacra.actors.cluster.desk import Desk, Kind, RefusedError
from simulacra.actors.cluster.entry_kinds import KINDS
from simulacra.actors.cluster.epochs import NO_EPOCH, Epoch
from simulacra.actors.cluster.forks import FOCUS_KINDS
from simulacra.actors.cluster.lattice import State, pack

ANSWERS_KEPT = 20_000
BODY_BYTES = 65_536
ID_BYTES = 200
FOLD_AT = 1_000
FOLD_KEEPS = 200
START = (0, "")
"""The sequence and hash of an empty journal."""

Position = tuple[int, str]


class JournalError(Exception):
    """Entries that do not follow on the journal's end, or that are not as their hash says."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Attributes:
        seq: its number.
        epoch: of the master that wrote it.
        origin: the store that it was written to first.
        kind: what it does.
        body: plain data for the kind.
        at: the master's clock, in seconds since 1970.
        request: the id of the request that it answers; empty for the master's own.
    """

    seq: int
    epoch: Epoch
    origin: str
    kind: str
    body: dict[str, Any]
    at: float
    request: str = ""

    def to_plain(self) -> list[Any]:
        """As plain data."""
        epoch = self.epoch.to_plain()
        return [self.seq, epoch, self.origin, self.kind, self.body, self.at, self.request]

    @classmethod
    def from_plain(cls, plain: list[Any]) -> Entry:
        """What `to_plain` gave."""
        return cls(plain[0], Epoch.from_plain(plain[1]), *plain[2:])


@dataclass(frozen=True, slots=True)
class Base:
    """A whole journal, folded.

    Attributes:
        seq: the number of its last entry.
        hash: after that entry.
        epoch: of that entry.
        state: the records, as plain data.
    """

    seq: int
    hash: str
    epoch: Epoch
    state: dict[str, Any]


EMPTY = Base(0, "", NO_EPOCH, {"context": {}, "elements": []})


def chain(before: str, entry: Entry) -> str:
    """The rolling hash after an entry."""
    packed = before.encode() + pack(entry.to_plain())
    return hashlib.blake2b(packed, digest_size=16).hexdigest()


def check(kind: str) -> None:
    """Refuse what nobody may ask for.

    Raises:
        RefusedError: the kind is unknown.
    """
    if kind not in KINDS:
        raise RefusedError(f"nothing of kind {kind!r} can be asked; known: {', '.join(KINDS)}")


def made_plain(request: str, body: Any) -> dict[str, Any]:
    """A request's body as it comes back from any disk or wire: lists for tuples, texts for keys.

    Raises:
        RefusedError: it is no plain data, or too large, or the request's id is.
    """
    try:
        packed, packed_id = pack(body), pack(request)
    except (TypeError, ValueError, RecursionError) as error:
        raise RefusedError(f"the request is no plain data: {error}") from error
    if len(packed_id) > ID_BYTES:
        raise RefusedError(f"a request's id must be a text of at most {ID_BYTES} bytes")
    if not isinstance(body, dict) or len(packed) > BODY_BYTES:
        raise RefusedError(f"a request must be a dict of at most {BODY_BYTES} bytes as JSON")
    plain: dict[str, Any] = json.loads(packed)
    return plain


class Journal:
    """The entries since the base, and the state after them.

    Args:
        base: what was folded.
        entries: those after it, in order.

    Attributes:
        state: after the last entry; only read it.
        epoch: of the last entry.
    """

    def __init__(self, base: Base = EMPTY, entries: list[Entry] | None = None) -> None:
        self._install(base)
        for entry in entries or ():
            self.take(entry)

    def _install(self, base: Base) -> None:
        self.state = State.from_plain(base.state)
        self.epoch = base.epoch
        self._base: Position = (base.seq, base.hash)
        self._entries: list[Entry] = []
        self._hashes: list[str] = []

    @property
    def end(self) -> Position:
        """The sequence and the hash after the last entry."""
        if not self._entries:
            return self._base
        return self._entries[-1].seq, self._hashes[-1]

    @property
    def is_long(self) -> bool:
        """Whether it is time to fold."""
        return len(self._entries) >= FOLD_AT

    def holds(self, position: Position) -> bool:
        """Whether a journal that ends at ``position`` is the beginning of this one."""
        seq, after = position
        index = seq - self._base[0]
        if not 0 <= index <= len(self._entries):
            return False
        return after == (self._hashes[index - 1] if index else self._base[1])

    def reaches(self, seq: int) -> bool:
        """Whether the entries after ``seq`` are in memory."""
        return seq >= self._base[0]

    def after(self, seq: int, most: int = 200) -> list[Entry]:
        """The entries after ``seq``, at most so many; ``seq`` must not be before the base."""
        index = seq - self._base[0]
        return self._entries[index : index + most]

    def answer(self, request: str) -> tuple[bool, Any] | None:
        """Whether a request was granted, and its answer or why not; None if it is not known."""
        found = self.state.first("answers", request)
        if found is None:
            return None
        granted, _, answer = found
        return granted, answer

    def entry(
        self, kind: str, body: dict[str, Any], *, epoch: Epoch, origin: str, at: float,
        request: str = "",
    ) -> Entry:  # fmt: skip
        """The entry that would come next."""
        return Entry(self.end[0] + 1, epoch, origin, kind, body, at, request)

    def take(self, entry: Entry) -> Any:
        """Append an entry and do it.

        Returns:
            Its answer, or the text of its refusal.

        Raises:
            JournalError: it does not follow on the last one.
        """
        seq, before = self.end
        if entry.seq != seq + 1:
            raise JournalError(f"entry {entry.seq} does not follow on entry {seq}")
        dot = self.state.next_dot(entry.origin)
        desk = Desk(self.state, dot, entry.epoch, entry.at)
        granted, answer = _do(desk, entry)
        if entry.request:
            self.state.put("answers", entry.request, dot, [granted, entry.at, answer])
            self._forget_answers()
        self.state.know(dot)
        self.epoch = entry.epoch
        self._hashes.append(chain(before, entry))
        self._entries.append(entry)
        return answer

    def position(self, seq: int) -> Position:
        """The sequence and hash after an entry that is in memory, or after the base."""
        index = seq - self._base[0]
        return (seq, self._hashes[index - 1]) if index else self._base

    def snapshot(self) -> Base:
        """The whole journal, folded."""
        return Base(*self.end, self.epoch, self.state.to_plain())

    def fold(self) -> Base:
        """Forget entries, but for some that followers may still lack; give what to keep on disk."""
        base = self.snapshot()
        self._base = self.position(max(base.seq - FOLD_KEEPS, self._base[0]))
        self._entries, self._hashes = self._entries[-FOLD_KEEPS:], self._hashes[-FOLD_KEEPS:]
        return base

    def install(self, base: Base) -> None:
        """Take another host's journal for this one."""
        self._install(base)

    def _forget_answers(self) -> None:
        if self.state.size("answers") <= 2 * ANSWERS_KEPT:
            return
        ages = sorted(
            (min(at for _, at, _ in self.state.values("answers", key).values()), key)
            for key in self.state.keys("answers")
        )
        for _, key in ages[:-ANSWERS_KEPT]:
            self.state.drop("answers", key)


def _do(desk: Desk, entry: Entry) -> tuple[bool, Any]:
    kind: Kind | None = KINDS.get(entry.kind) or FOCUS_KINDS.get(entry.kind)
    if kind is None:  # a newer master's; its part is not in this version
        return False, f"nothing of kind {entry.kind!r} is known here"
    try:
        answer = kind(desk, entry.body)
    except RefusedError as refusal:
        return False, str(refusal)
    desk.commit()
    return True, answer
