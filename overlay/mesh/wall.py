"""Puts a host's access lists in place, by nftables."""

from __future__ import annotations

import logging
import shutil
import subprocess
from typing import Final

from simulacra.overlay.mesh.access import ruleset
from simulacra.overlay.mesh.backends import BackendError
from simulacra.overlay.plan.document import Plan

PROGRAM: Final = "nft"
_PATIENCE: Final = 10.0

logger = logging.getLogger("simulacra.overlay.helper")


class Wall:
    """The rules by which a host lets in.

    Args:
        host: its name in the plan.
        outside: whether to guard what is outside of the overlay as well.

    Attributes:
        outside: as said.
    """

    def __init__(self, host: str, *, outside: bool = False) -> None:
        self._host, self.outside = host, outside
        self._stands = ""

    def stand(self, plan: Plan, *, again: bool = False) -> None:
        """Have the rules be those of a plan.

        Args:
            plan: the plan.
            again: put them in place also where they should be, since others may have taken them
                away.

        Raises:
            BackendError: they cannot be, and the plan keeps somebody out.
        """
        text = ruleset(plan, self._host, outside=self.outside)
        if text == self._stands and not again:
            return
        problem = _load(text)
        if problem and (self.outside or _keeps_out(plan, self._host)):
            raise BackendError(f"who may come in cannot be enforced: {problem}")
        if problem:
            logger.warning("the overlay has no rules of nftables, and needs none: %s", problem)
        self._stands = text


def _load(text: str) -> str:
    """Give nftables a ruleset; what is wrong, if it does not take it."""
    program = shutil.which(PROGRAM)
    if program is None:
        return f"there is no {PROGRAM}: apt install nftables"
    try:
        done = subprocess.run(  # noqa: S603 (a text of checked addresses and ports)
            [program, "-f", "-"],
            input=text,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    return f"{PROGRAM} says: {' '.join(done.stderr.split())}" if done.returncode else ""


def _keeps_out(plan: Plan, host: str) -> bool:
    part = plan.hosts[host]
    return part.inside is not None or any(each.reaches is not None for each in part.clients)
