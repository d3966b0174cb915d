"""The waves of a deploy, one after the other. Pure: what ended in, what to begin out.

Within a wave some hosts are under way at once. The next wave begins when all of the last ended
well; after anything else, and when the user stops, what is under way ends and nothing more begins.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulacra.hosts.deploy.rollout import GOOD, Outcome
from simulacra.hosts.deploy.waves import Wave


class Course:
    """See the module.

    Attributes:
        outcomes: how hosts ended, so far.
        halted: why nothing more begins; empty while it goes on.
    """

    def __init__(self, waves: Sequence[Wave], at_once: int) -> None:
        """Begin.

        Args:
            waves: the hosts, in order.
            at_once: how many are under way at most.
        """
        self._waves = [list(wave.hosts) for wave in waves]
        self._at_once = at_once
        self._running: set[str] = set()
        self.outcomes: dict[str, Outcome] = {}
        self.halted = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way, and nothing more begins."""
        return not self._running and (bool(self.halted) or not self._waves)

    def begin(self) -> list[str]:
        """Return the hosts that are to be begun now; they are under way from then on."""
        if self.halted or not self._waves:
            return []
        wave = self._waves[0]
        waiting = [host for host in wave if host not in self._running | set(self.outcomes)]
        begun = waiting[: max(0, self._at_once - len(self._running))]
        self._running |= set(begun)
        return begun

    def ended(self, host: str, outcome: Outcome) -> None:
        """Take how a host ended."""
        self._running.discard(host)
        self.outcomes[host] = outcome
        if outcome not in GOOD and not self.halted:
            self.halted = f"{host}: {outcome}"
        if self._waves and set(self._waves[0]) <= set(self.outcomes):
            del self._waves[0]

    def stop(self, why: str) -> None:
        """Begin nothing more."""
        self.halted = self.halted or why

    def left(self) -> list[str]:
        """Return the hosts that were never begun."""
        gone = self._running | set(self.outcomes)
        return [host for wave in self._waves for host in wave if host not in gone]
