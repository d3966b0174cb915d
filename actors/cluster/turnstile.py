"""How many may come: pure counts of connections and questions, for each address and in all.

An address may have so many connections open, and open so many in a time (a bucket of tokens that
fills steadily); so may all addresses together. The address is judged first, so that a crowd from
one address does not use up what all have. An IPv6 address counts by its /64, which is what one
household has. Of addresses not seen for the longest time nothing is remembered.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server bears.

    Attributes:
        open_each: connections that one address may have open.
        open_all: connections that all may have open.
        burst_each: connections that one address may open at once.
        burst_all: the same for all.
        rate_each: connections a second that one address may open for ever.
        rate_all: the same for all.
    """

    open_each: int = 4
    open_all: int = 32
    burst_each: int = 20
    burst_all: int = 100
    rate_each: float = 1.0
    rate_all: float = 10.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float

    def fill(self, rate: float, burst: int, now: float) -> None:
        self.tokens = min(burst, self.tokens + rate * max(0.0, now - self.at))
        self.at = now


@dataclass(slots=True)
class _Visitor:
    bucket: _Bucket
    open: int = 0


@dataclass(slots=True)
class Turnstile:
    """Counts who comes and goes.

    Attributes:
        limits: what the server bears.
        open: connections that are open now.
        turned_away: what was refused so far.
    """

    limits: Limits = field(default_factory=Limits)
    open: int = 0
    turned_away: int = 0
    _visitors: OrderedDict[str, _Visitor] = field(default_factory=OrderedDict)
    _all: _Bucket | None = None

    def enter(self, address: str, now: float) -> bool:
        """Whether a connection from an IP address may stay; if so, `leave` must follow.

        Args:
            address: where it comes from.
            now: seconds, of a clock that only goes forward.
        """
        visitor = self._visitor(address, now)
        full = visitor.open >= self.limits.open_each or self.open >= self.limits.open_all
        if full or not self._take(visitor, now):
            self.turned_away += 1
            return False
        visitor.open += 1
        self.open += 1
        return True

    def leave(self, address: str) -> None:
        """A connection that entered has ended."""
        self._visitors[_household(address)].open -= 1
        self.open -= 1

    def passes(self, address: str, now: float) -> bool:
        """Whether something that needs no connection, such as a datagram, may pass.

        Args:
            address: where it comes from.
            now: seconds, of a clock that only goes forward.
        """
        passes = self._take(self._visitor(address, now), now)
        self.turned_away += not passes
        return passes

    def _take(self, visitor: _Visitor, now: float) -> bool:
        if self._all is None:
            self._all = _Bucket(self.limits.burst_all, now)
        self._all.fill(self.limits.rate_all, self.limits.burst_all, now)
        if visitor.bucket.tokens < 1 or self._all.tokens < 1:
            return False
        visitor.bucket.tokens -= 1
        self._all.tokens -= 1
        return True

    def _visitor(self, address: str, now: float) -> _Visitor:
        household = _household(address)
        visitor = self._visitors.get(household)
        if visitor is None:
            self._forget()
            visitor = self._visitors[household] = _Visitor(_Bucket(self.limits.burst_each, now))
        self._visitors.move_to_end(household)
        visitor.bucket.fill(self.limits.rate_each, self.limits.burst_each, now)
        return visitor

    def _forget(self) -> None:
        """Make room for one more; whoever has a connection open stays."""
        if len(self._visitors) >= REMEMBERED:
            oldest = next(name for name, each in self._visitors.items() if not each.open)
            del self._visitors[oldest]


def _household(address: str) -> str:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if parsed.version == 6:  # noqa: PLR2004 (IPv6)
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
