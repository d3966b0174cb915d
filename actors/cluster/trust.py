"""What the directory has to know of keys, from the network's roll.

What a host said is verified with the key that it was let in with, also after it left, so that all
replicas stay the same; it counts as long as it is a member, and inside.
"""

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
        self._now = roll
        self._of: Roll | None = None
        self._keys: dict[tuple[str, str], str] = {}

    def signing_key(self, origin: Origin) -> str | None:
        """The whole key of a host that was ever let in with it."""
        return self._known().get(origin[:2])

    def is_member(self, origin: Origin) -> bool:
        """Whether what it says counts now."""
        key = self.signing_key(origin)
        member = None if key is None else self._now().holder(key)
        return member is not None and (member.host, member.role) == (origin.host, "inside")

    def is_owner(self, key: str) -> bool:
        """Whether a key is an owner's."""
        return key in self._now().owners

    def _known(self) -> dict[tuple[str, str], str]:
        roll = self._now()
        if roll is not self._of:
            origins = {Origin.of(each.host, each.signing, 0): each.signing for each in roll.let_in}
            self._keys = {origin[:2]: key for origin, key in origins.items()}
            self._of = roll
        return self._keys
