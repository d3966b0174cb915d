"""The flake that hosts are deployed from: its folder, its inventory, and a plan that must fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import inventories, planning
from simulacra.overlay.plan.document import Plan

if TYPE_CHECKING:
    from simulacra.hosts.inventory.schema import Inventory, Ssh

_FLAKE: Final = "flake.nix"


@dataclass(frozen=True)
class Source:
    """What the user's flake says.

    Attributes:
        flake: its folder.
    """

    flake: Path
    inventory: Inventory
    plan: Plan

    def reached(self, hosts: Sequence[str]) -> dict[str, Ssh]:
        """Return how hosts are reached by ssh; those that are not are left out."""
        found = {name: self.inventory.hosts[name].ssh for name in hosts}
        return {name: ssh for name, ssh in found.items() if ssh is not None}


def load(said: Path | None) -> Source:
    """Read the flake that an inventory is in.

    Args:
        said: the inventory's file, if it was said; else it is found.

    Raises:
        GatewayError: there is none, it is wrong, its plan is stale, or it is in no flake.
    """
    opened = inventories.opened(said)
    made = planning.draft(opened)
    if made.is_stale:
        raise GatewayError(
            ErrorCode.USAGE,
            f"nothing was changed: {opened.plan_file} is not the plan of {opened.file}, so hosts "
            "would be given another overlay than it says",
            "plan anew, and commit both: simulacra hosts plan",
        )
    folder = opened.file.absolute().parent
    flake = next((each for each in (folder, *folder.parents) if (each / _FLAKE).is_file()), None)
    if flake is None:
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"nothing was changed: there is no {_FLAKE} beside {opened.file} or above, and hosts "
            "are built from one",
            "say which inventory is meant: --inventory FILE",
        )
    return Source(flake, opened.inventory, made.plan)
