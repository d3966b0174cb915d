"""News on its way: told to the neighbours at once, and repeated a few times with pings and acks.

The first reaches everybody within a few steps; the second makes up for lost messages. What is left
after both is repaired when tables are compared. Only the newest record of a host is passed on, and
of a suspicion each of its first accusers once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulacra.actors.cluster.members import News
from simulacra.actors.cluster.packets import Told

_FIXED: Final = 16  # bytes of a told record beside its texts, about


@dataclass(slots=True)
class _Item:
    news: News
    since: float
    told: int
    size: int


class Rumours:
    """The news that this host still passes on."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], _Item] = {}
        self._fresh: dict[tuple[str, str], str] = {}

    def __bool__(self) -> bool:
        return bool(self._items)

    @property
    def fresh(self) -> bool:
        """Whether there is news that was not told to the neighbours yet."""
        return bool(self._fresh)

    def add(self, news: News, source: str, now: float) -> None:
        """Pass on a record that was heard from ``source``, in place of older ones of its host."""
        member = news.member
        accusers = [key for key in self._items if key[0] == member.host]
        for key in accusers:
            if self._items[key].news.member != member:
                self.drop(key)
        size = _FIXED + len(member.host) + len(member.key) + len(member.address) + len(news.by)
        self._items[member.host, news.by] = _Item(news, now, 0, size)
        self._fresh[member.host, news.by] = source

    def drop(self, key: tuple[str, str]) -> None:
        """Pass on no more what somebody (or nobody: empty) says of a host."""
        self._items.pop(key, None)
        self._fresh.pop(key, None)

    def drain(self, now: float) -> list[tuple[list[object], str]]:
        """What is to be told to all neighbours now, each with whom it was heard from."""
        drained = [(_tell(self._items[key], now), source) for key, source in self._fresh.items()]
        self._fresh.clear()
        return drained

    def take(self, size: int, repeats: int, now: float) -> Told:
        """News for one message, the least told first, of about ``size`` bytes.

        What was told ``repeats`` times is dropped.
        """
        if not self._items:
            return []
        taken: Told = []
        for key, item in sorted(self._items.items(), key=lambda entry: entry[1].told):
            size -= item.size
            if size < 0 and taken:
                break
            taken.append(_tell(item, now))
            item.told += 1
            if item.told >= repeats and key not in self._fresh:
                self.drop(key)
        return taken


def _tell(item: _Item, now: float) -> list[object]:
    news = item.news
    age = news.age + (now - item.since) if news.age else 0.0
    return News(news.member, news.by, age).tell()
