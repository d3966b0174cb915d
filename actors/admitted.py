"""Whom a node admits, and which of them it dials when it starts.

Admitted is whom the user's own list names, and whom the network's records do; nobody who was
expelled. Where both name somebody, the list counts. Dialed is whom the list or the settings give an
address; of the network's members as many as there is room for, whichever these are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from simulacra.actors.enrolment import Enrolment
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime.keys import KeyFileError, KeyList
from simulacra.actors.settings import Settings


class Admitted:
    """See the module.

    Args:
        settings: the node's.
        enrolment: its part in its network's admissions.
        key: its public key.
    """

    def __init__(self, settings: Settings, enrolment: Enrolment, key: str) -> None:
        self._settings = settings
        self._enrolment = enrolment
        self._key = key
        self._listed = KeyList()

    def read(self) -> KeyList:
        """Who is admitted, the user's own list read again.

        Raises:
            GatewayError: it cannot be used.
        """
        members = self._settings.paths.members
        try:
            self._listed = KeyList.read(members) if members.exists() else KeyList()
            return self.keys()
        except KeyFileError as error:
            raise GatewayError(
                ErrorCode.FAILED, str(error), f"mend that line: {members}"
            ) from error

    def keys(self) -> KeyList:
        """Who is admitted, with the user's list as it was read last."""
        members = {each.key: each for each in self._enrolment.members()}
        listed = {each.key: each for each in self._listed.members()}
        expelled = self._enrolment.expelled()
        return KeyList(each for key, each in (members | listed).items() if key not in expelled)

    def is_alone(self) -> bool:
        """Whether no other host that may run code is admitted; one that is dialed would be."""
        outside = self._enrolment.outside()
        others = (each for each in self.keys().members() if each.key != self._key)
        return all(each.name in outside for each in others)

    def is_said(self, key: str, address: str) -> bool:
        """Whether the user's list or settings say to connect to the node with a key, there."""
        listed = self._listed.get(key)
        by_list = listed is not None and bool(listed.address)
        return by_list or address in self._settings.join

    def to_join(self, me: str, known: AbstractSet[str]) -> Iterator[tuple[str, str]]:
        """Whom to dial: where each is, as ``host:port``, and its key.

        Args:
            me: where this node itself is.
            known: the keys of those whom it knows already, and takes room for.

        Raises:
            GatewayError: the settings name an address, and it is not known whose.
        """
        keys = self.keys()
        addresses = {member.address: member.key for member in keys.members() if member.address}
        addresses.pop(me, None)
        spared = self._spared(addresses, known)
        for address, key in addresses.items():
            if address not in spared:
                yield address, key
        for address in self._settings.join:
            if address not in addresses:
                yield address, self._only_key(keys, address)

    def _spared(self, addresses: Mapping[str, str], known: AbstractSet[str]) -> set[str]:
        """Which addresses are not dialed, as these would be too many."""
        listed = {each.key for each in self._listed.members()}
        others = [address for address, key in addresses.items() if key not in known | listed]
        room = max(0, self._settings.mesh - len(known))
        return set(random.sample(others, max(0, len(others) - room)))

    def _only_key(self, keys: KeyList, address: str) -> str:
        """The key of whoever is at an address that the settings name."""
        members = [each for each in keys.members() if not each.address and each.key != self._key]
        if len(members) != 1:
            raise GatewayError(
                ErrorCode.USAGE,
                f"which key has the node at {address}? The list of keys does not say",
                f"say it: simulacra keys add NAME KEY {address}",
            )
        return members[0].key
