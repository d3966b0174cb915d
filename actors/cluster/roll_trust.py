"""What the directory has to know of keys, from the network's roll."""

from __future__ import annotations

from collections.abc import Callable

from simulacra.actors.cluster.facts import Origin
from simulacra.actors.cluster.roll import Roll


class RollTrust:
    """See the module.

    Args:
        roll: the roll as it is now.
    """

    def __init__(self, roll: Callable[[], Roll]) -> None:
        self._roll = roll

    def signing_key(self, origin: Origin) -> str | None:
        """The whole key of a host that was ever let in with it."""
        keys = {each.signing for each in self._roll().let_in if each.host == origin.host}
        return next((key for key in keys if key.startswith(origin.key)), None)

    def is_member(self, origin: Origin) -> bool:
        """Whether what it says counts now: an inside host that was not expelled."""
        key = self.signing_key(origin)
        member = None if key is None else self._roll().holder(key)
        return member is not None and member.role == "inside"

    def is_owner(self, key: str) -> bool:
        """Whether a public key is an owner's."""
        return key in self._roll().owners
