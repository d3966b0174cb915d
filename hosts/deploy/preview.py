"""``--dry-run``: what a deploy would change, asked of the hosts themselves, and nothing changed.

The systems are built, and copied to the hosts, where Nix compares them with what runs and the new
system says what switching to it would start and stop. Those of the generation before are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from simulacra.hosts.deploy import guard
from simulacra.hosts.deploy.children import ChildError
from simulacra.hosts.deploy.nix import Nix, difference
from simulacra.hosts.deploy.progress import Progress
from simulacra.hosts.deploy.rollout import NONE_BEFORE
from simulacra.hosts.deploy.ssh import Connections

_GUARD: Final = 120.0
_AT_ONCE: Final = 8


@dataclass(frozen=True)
class Preview:
    """What would change on a host.

    Attributes:
        running: the store path that runs; empty where the host was not seen.
        wanted: the store path that would run.
        difference: what changes in what the system is made of, a line a package.
        activation: what switching would do, as the new system says, a line each.
        error: why that cannot be said; empty where it can.
    """

    host: str
    wanted: str
    running: str = ""
    difference: list[str] = field(default_factory=list)
    activation: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def is_same(self) -> bool:
        """Whether the host runs what is wanted."""
        return self.running == self.wanted


def previews(
    wanted: Mapping[str, str],
    nix: Nix,
    by: Connections,
    sudo: frozenset[str],
    progress: Progress,
) -> list[Preview]:
    """Ask hosts what would change, in their order; some at once.

    Args:
        wanted: the store path of each host's system; empty for that of the generation before.
        nix: copies them.
        by: connections to the hosts.
        sudo: hosts whose user becomes root by sudo.
        progress: is told what is done.
    """

    def one(host: str) -> Preview:
        try:
            return _preview(host, wanted[host], nix, by, sudo, progress)
        except (ChildError, ValueError) as error:
            return Preview(host, wanted[host], error=str(error))

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="preview") as pool:
        return list(pool.map(one, wanted))


def _preview(
    host: str, system: str, nix: Nix, by: Connections, sudo: frozenset[str], progress: Progress
) -> Preview:
    is_sudo = host in sudo
    progress.doing(host, "looking")
    look = guard.command(["look"], sudo=is_sudo)
    done = by.run(host, look, text=guard.script(), timeout=_GUARD)
    if done.code:
        raise ChildError(done.said)
    seen = guard.parse(done.out)
    running, is_back = seen.system, not system
    system = system or seen.earlier
    if not system:
        raise ChildError(NONE_BEFORE)
    if running == system:
        return Preview(host, system, running)
    if not is_back:
        progress.doing(host, "copying")
        nix.copy(host, system, by)
    progress.doing(host, "comparing")
    changes = difference(host, running, system, by)
    activate = guard.command(["activate", system], sudo=is_sudo)
    done = by.run(host, activate, text=guard.script(), timeout=_GUARD)
    if done.code:
        raise ChildError(f"dry-activate ended with {done.code}: {done.said}")
    said = [line for line in done.out.splitlines() if line.strip()]
    return Preview(host, system, running, changes, said)
