"""OpenVPN on this host as the node keeps it: asks the helper, and says what came of it."""

from __future__ import annotations

import logging
from typing import Any, Final

from simulacra.overlay.mesh.helper_client import HelperClient, HelperError
from simulacra.overlay.mesh.openvpn import SHARED_WARNING
from simulacra.overlay.plan.document import HostPlan

_EVERY: Final = 3.0
_HURRIED: Final = 0.5
_REST: Final = 15.0

logger = logging.getLogger(__name__)


class Tunnels:
    """See the module.

    Args:
        helper: starts and ends the processes.
        part: this host's, of the plan.

    Attributes:
        shown: how each process is, as the helper said last.
    """

    def __init__(self, helper: HelperClient, part: HostPlan) -> None:
        self._helper = helper
        self._has_any = part.openvpn is not None or any(each.openvpn for each in part.relays)
        self._asked: tuple[frozenset[str], frozenset[str]] = frozenset(), frozenset()
        self._due = 0.0
        self._failure = ""
        self.shown: list[dict[str, Any]] = []
        for name in () if part.openvpn is None else part.openvpn.shared:
            logger.warning(SHARED_WARNING, name)

    def keep(self, wanted: frozenset[str], gone: frozenset[str], now: float) -> None:
        """Have OpenVPN lead to these relays, and serve all but those that are gone."""
        if self._has_any and ((wanted, gone) != self._asked or now >= self._due):
            self._asked = wanted, gone
            self._ask(now)

    def relays(self) -> frozenset[str]:
        """The relays to which it leads now."""
        return frozenset(each["relay"] for each in self.shown if each["relay"] and each["ready"])

    def old(self) -> frozenset[str]:
        """The hosts of the old form that this relay serves; whether one is there is not known."""
        return frozenset(each["old"] for each in self.shown if each["old"] and each["ready"])

    def _ask(self, now: float) -> None:
        try:
            self.shown = self._helper.tunnels(*self._asked)
        except HelperError as error:
            if str(error) != self._failure:
                logger.warning("there is no OpenVPN: %s", error)
            self._failure, self._due, self.shown = str(error), now + _REST, []
            return
        self._failure = ""
        waits = any(not each["ready"] for each in self.shown)
        self._due = now + (_HURRIED if waits else _EVERY)
