"""How patient the membership is, and how much it says."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds. The defaults find a loss within 5 s in networks of up to 50 hosts.

    Attributes:
        rings: how many other hosts each host probes, and by how many it is probed.
        interval: between two probes of one host, in networks of up to 100 hosts.
        answer: how long a ping may go unanswered before others are asked to try.
        helped: how long they may take, before the host is suspected.
        helpers: how many are asked.
        suspicion: how long a suspect has to contradict: the shortest time, when as many as could
            accuse it do, and the longest, when one host is alone with its suspicion.
        bystander: times the longest suspicion, after which also a host that does not probe the
            suspect counts it as down, should nobody else have done so.
        flush: how long news waits for more, so that a wave of it goes in few messages.
        retry: between two attempts to reach one of those that are down, to find a split healed.
        sync: the shortest time between two comparisons of tables with others.
        sync_restless: the same while there is news, which mostly explains why tables differ.
        late: how late this host may be itself; what exceeds it does not count as time.
        sick: how many times as patient a host becomes that finds itself slow.
        patience: how many times as patient others become with a host that keeps contradicting.
        calm: the time after which that patience is halved.
        forget: how long hosts that are down or left are remembered.
        news_bytes: of news in one ping or ack, about.
        page: records in one message of a comparison.
        pages: such messages in answer to one comparison; the next one brings the rest.
        spread: times the logarithm of the number of hosts that news is repeated.
        hosts: that a table holds; more are refused.
    """

    rings: int = 3
    interval: float = 1.0
    answer: float = 0.4
    helped: float = 0.6
    helpers: int = 3
    suspicion: tuple[float, float] = (1.0, 2.2)
    bystander: float = 4.0
    flush: float = 0.05
    retry: float = 3.0
    sync: float = 1.0
    sync_restless: float = 10.0
    late: float = 0.5
    sick: int = 4
    patience: float = 4.0
    calm: float = 60.0
    forget: float = 7 * 86_400.0
    news_bytes: int = 900
    page: int = 64
    pages: int = 8
    spread: float = 2.0
    hosts: int = 4096

    def interval_among(self, hosts: int) -> float:
        """The time between two probes of one host: from 100 hosts on it grows, slowly."""
        return self.interval * max(1.0, math.log10(max(hosts, 1)) - 1.0)

    def repeats(self, hosts: int) -> int:
        """How often one host repeats a piece of news."""
        return math.ceil(self.spread * math.log10(hosts + 9))
