"""What a deploy did, for people and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from simulacra.hosts.deploy.rollout import GOOD, Outcome


@dataclass(frozen=True)
class HostReport:
    """How a host ended.

    Attributes:
        wave: its number, from 1.
        why: of the outcome, where it is not plain.
        before: the store path that ran before; None where it was not seen.
        wanted: the store path that was to run; None where that was never known.
        seconds: that it took.
        log: the file of what the programs said.
    """

    host: str
    wave: int
    outcome: Outcome
    why: str
    before: str | None
    wanted: str | None
    seconds: float
    log: str


@dataclass(frozen=True)
class Report:
    """What became of all hosts.

    Attributes:
        deploy: the deploy's token.
        halted: why it did not go on to the end; empty where it did.
        interrupted: whether the user stopped it.
        back: whether it was to the generation before.
    """

    deploy: str
    hosts: tuple[HostReport, ...]
    halted: str
    interrupted: bool
    back: bool = False

    @property
    def is_good(self) -> bool:
        """Whether all hosts are as wanted, and well."""
        return not self.interrupted and all(each.outcome in GOOD for each in self.hosts)

    def to_plain(self) -> dict[str, Any]:
        """Return it as what JSON can say."""
        hosts = [asdict(each) | {"outcome": each.outcome.value} for each in self.hosts]
        return {
            "deploy": self.deploy,
            "ok": self.is_good,
            "rollback": self.back,
            "interrupted": self.interrupted,
            "halted": self.halted or None,
            "hosts": hosts,
        }

    def hints(self) -> list[str]:
        """Return what to do now, a sentence each."""
        left, lost = self._ended(Outcome.LEFT), self._ended(Outcome.LOST)
        unknown = self._ended(Outcome.UNKNOWN)
        undone = [each.host for each in self.hosts if each.outcome not in GOOD]
        if self.back:
            # Who has gone back already would go back once more.
            undone = [host for host in undone if host not in unknown]
        found = []
        if left:
            found.append(f"{_and(left)} will go back by itself when its timer goes off")
        if unknown:
            found.append(f"see what it runs: simulacra hosts drift {' '.join(unknown)}")
        if lost:
            found.append(
                f"{_and(lost)} did not come back: go there, and start it anew, which leads back to "
                "its old system; if not, start an older generation from its boot menu"
            )
        if undone:
            words = [*(["--rollback"] if self.back else []), *undone]
            found.append(f"go on with what is left: nix run .#deploy -- {' '.join(words)}")
        return found

    def _ended(self, outcome: Outcome) -> list[str]:
        return [each.host for each in self.hosts if each.outcome is outcome]


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
