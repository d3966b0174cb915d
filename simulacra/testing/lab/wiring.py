"""How the cables of a lab are: what is cut, slow, lossy. Pure: operations give a new wiring.

A link is one way from one host to another. Where nothing is said about it, packets pass at once.
Otherwise, in this order: it is cut; or some are lost; the others are held back for the latency,
and then let through at the rate. The bridges' namespace does all this at the port of the host that
receives: cuts and losses by nftables, rates by tc's htb, latency by frames held in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any, Final

from simulacra.testing.lab.plan import LabError, Plan

_UNITS: Final = {"bit": 1, "kbit": 1_000, "mbit": 1_000_000, "gbit": 1_000_000_000}
_RATE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(bit|kbit|mbit|gbit)")
_LONGEST_QUEUE: Final = 0.4
"""Seconds that the queue before a slow link lasts."""

_SHORTEST_QUEUE: Final = 200_000
"""Bytes of that queue at least: three of the 64 kB pieces that TCP hands over."""

_LONGEST_LATENCY: Final = 60.0
_MAJOR: Final = 1 << 16


@dataclass(frozen=True)
class Link:
    """One way from a host to another.

    Attributes:
        cut: whether nothing passes.
        loss: which share of the packets is lost, from 0 to 1.
        rate: bits a second; 0 for as many as there are.
        latency: seconds that every packet is held back.
    """

    cut: bool = False
    loss: float = 0.0
    rate: int = 0
    latency: float = 0.0


@dataclass(frozen=True)
class Held:
    """A link whose packets are held back: what the one who holds them needs to know."""

    source_port: str
    target_port: str
    target_mac: str
    latency: float
    loss: float
    priority: int


PLAIN: Final = Link()


def parse_rate(text: str) -> int:
    """Return the bits a second that ``10mbit`` says.

    Raises:
        LabError: it says none.
    """
    match = _RATE.fullmatch(text.strip().lower())
    rate = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if rate < 1:
        raise LabError(f"{text!r} is no rate", "write it as in 10mbit, 500kbit or 1gbit")
    return rate


def parse_share(text: str) -> float:
    """Return the share that ``5%`` says, from 0 to 1.

    Raises:
        LabError: it says none.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", text.strip())
    if match is None or float(match[1]) > 100:  # noqa: PLR2004 (per cent)
        raise LabError(f"{text!r} is no share", "write it as in 5% or 0.5%")
    return float(match[1]) / 100


@dataclass(frozen=True)
class Wiring:
    """The cables of a lab.

    Attributes:
        plan: its hosts.
        links: by source and target; what is missing is `PLAIN`.
        unplugged: hosts whose cable is pulled.
        apart: whether the cables between the zones are pulled.
    """

    plan: Plan
    links: Mapping[tuple[str, str], Link] = field(default_factory=dict)
    unplugged: frozenset[str] = frozenset()
    apart: bool = False

    def link(self, source: str, target: str) -> Link:
        """Return how a link is."""
        return self.links.get((source, target), PLAIN)

    # -- operations

    def split(self, parts: Sequence[Sequence[str]]) -> Wiring:
        """Cut what is between the parts, instead of what was cut before.

        A host may be in several parts, and one in none sees all. Parts that are just the zones come
        about by pulling the cables between the zones.

        Raises:
            LabError: a host is not of the lab, or there are fewer than two parts.
        """
        for host in (host for part in parts for host in part):
            self.plan.number(host)
        if len(parts) < 2 or not all(parts):  # noqa: PLR2004
            raise LabError("a split has two parts or more", "simulacra lab split a,b c,d,e")
        whole = self.mend()
        if set(map(frozenset, parts)) == set(map(frozenset, self.plan.zones)):
            return replace(whole, apart=True)
        within = {pair for part in parts for pair in permutations(set(part), 2)}
        named = {host for part in parts for host in part}
        return whole.changed(set(permutations(named, 2)) - within, cut=True)

    def cut(self, host: str, other: str | None = None, one_way: bool = False) -> Wiring:
        """Cut a host off from another, or from all; one way cuts only what it sends."""
        return self.changed(self._pairs(host, other, one_way), cut=True)

    def slow(
        self, host: str, other: str | None = None, rate: int = 0, latency: float = 0.0
    ) -> Wiring:
        """Limit the rate, each way, and hold packets back, each way.

        Raises:
            LabError: the latency is not from 0 to 60 seconds.
        """
        if not 0 <= latency <= _LONGEST_LATENCY or rate < 0:
            raise LabError(f"a latency is 0 to {_LONGEST_LATENCY:.0f} s, not {latency}")
        return self.changed(self._pairs(host, other), rate=rate, latency=latency)

    def lose(self, host: str, other: str | None = None, share: float = 0.0) -> Wiring:
        """Lose a share of the packets, each way.

        Raises:
            LabError: the share is not from 0 to 1.
        """
        if not 0 <= share <= 1:
            raise LabError(f"a share of packets is from 0 to 1, not {share}")
        return self.changed(self._pairs(host, other), loss=share)

    def unplug(self, host: str) -> Wiring:
        """Pull a host's cable: its interface loses the carrier."""
        self.plan.number(host)
        return replace(self, unplugged=self.unplugged | {host})

    def plug(self, host: str) -> Wiring:
        """Put a host's cable back."""
        self.plan.number(host)
        return replace(self, unplugged=self.unplugged - {host})

    def mend(self) -> Wiring:
        """Undo all that keeps hosts apart; what is slow or lossy stays so."""
        mended = self.changed(self.links, cut=False)
        return replace(mended, unplugged=frozenset(), apart=False)

    def heal(self) -> Wiring:
        """Undo everything."""
        return Wiring(self.plan)

    def _pairs(self, host: str, other: str | None, one_way: bool = False) -> list[tuple[str, str]]:
        others = [each for each in self.plan.hosts if each != host] if other is None else [other]
        for each in (host, *others):
            self.plan.number(each)
        if host in others:
            raise LabError(f"{host} has no link to itself", "name two hosts")
        there = [(host, each) for each in others]
        return there if one_way else there + [(each, host) for each in others]

    def changed(self, pairs: Iterable[tuple[str, str]], **changes: Any) -> Wiring:
        """Return the wiring with these fields of these links changed."""
        links = dict(self.links)
        for pair in pairs:
            links[pair] = replace(self.link(*pair), **changes)
        kept = {pair: link for pair, link in links.items() if link != PLAIN}
        return replace(self, links=kept)

    # -- what the tools are told

    def ruleset(self) -> str:
        """The cuts and losses, for ``nft -f``: a table that takes the place of the one before."""
        lines = ["table bridge lab", "delete table bridge lab", "table bridge lab {"]
        lines += ["chain forward {", "type filter hook forward priority 0;"]
        ends = {pair: self._ends(*pair) for pair in self.links}
        # What is held back passes through memory, and not through the bridge.
        stopped = [ends[pair] for pair, link in self.links.items() if link.cut or link.latency]
        if stopped:
            listed = ", ".join(f'{mac} . "{port}"' for mac, port in stopped)
            lines.append(f"ether saddr . oifname {{ {listed} }} drop")
        for (source, target), link in self.links.items():
            mac, port = ends[source, target]
            match = f'ether saddr {mac} oifname "{port}"'
            if link.loss and not link.latency:
                lines.append(f"{match} numgen random mod 10000 < {round(link.loss * 10000)} drop")
            if link.rate:
                lines.append(f"{match} meta priority set 1:{self.plan.number(source):x}")
        return "\n".join([*lines, "}", "}", ""])

    def shaping(self, host: str) -> Iterator[str]:
        """The rates at a host's port, which has none so far, as lines for ``tc -batch``."""
        rates = self._rates(host)
        port = self.plan.port(host)
        if rates:
            yield f"qdisc add dev {port} root handle 1: htb"
        for number, rate in rates.items():
            queue = max(int(rate / 8 * _LONGEST_QUEUE), _SHORTEST_QUEUE)
            of = f"dev {port} parent 1:"
            yield f"class add {of} classid 1:{number:x} htb rate {rate}bit burst 32k quantum 60000"
            yield f"qdisc add {of}{number:x} bfifo limit {queue}"

    def reshaping(self, before: Wiring) -> Iterator[str]:
        """What of the rates is other than before, as lines for ``tc -batch``."""
        for host in self.plan.hosts:
            old, new = before._rates(host), self._rates(host)
            if old and old != new:
                yield f"qdisc del dev {self.plan.port(host)} root"
            if old != new:
                yield from self.shaping(host)

    def cables(self, before: Wiring) -> Iterator[str]:
        """Which cables are other than before, as lines for ``ip -batch``."""
        for host in self.plan.hosts:
            if (host in self.unplugged) != (host in before.unplugged):
                state = "down" if host in self.unplugged else "up"
                yield f"link set {self.plan.port(host)} {state}"
        if self.apart != before.apart:
            for trunk in self.plan.trunks():
                yield f"link set {trunk} {'down' if self.apart else 'up'}"

    def held(self) -> list[Held]:
        """The links with a latency on which something passes."""
        found = []
        for (source, target), link in self.links.items():
            zones = self.plan.zone(source), self.plan.zone(target)
            if link.latency and not link.cut and not (self.apart and zones[0] != zones[1]):
                priority = _MAJOR + self.plan.number(source) if link.rate else 0
                ports = self.plan.port(source), self.plan.port(target)
                mac = self.plan.mac(target)
                found.append(Held(*ports, mac, link.latency, link.loss, priority))
        return found

    def _rates(self, host: str) -> dict[int, int]:
        return {
            self.plan.number(source): link.rate
            for (source, target), link in sorted(self.links.items())
            if target == host and link.rate
        }

    def _ends(self, source: str, target: str) -> tuple[str, str]:
        return self.plan.mac(source), self.plan.port(target)

    # -- for people

    def words(self) -> list[str]:
        """What is not plain, a line each."""
        lines = [f"{host} is unplugged" for host in sorted(self.unplugged)]
        lines += ["the zones are apart"] if self.apart else []
        for (source, target), link in sorted(self.links.items()):
            said = ["cut"] if link.cut else []
            said += [f"loses {link.loss:.2%}"] if link.loss else []
            said += [f"{link.rate / 1e6:g} Mbit/s"] if link.rate else []
            said += [f"{link.latency * 1000:g} ms late"] if link.latency else []
            lines.append(f"{source} to {target}: {', '.join(said)}")
        return lines
