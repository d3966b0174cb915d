"""Who lives on this host, and where those went that lived here: a post office's own knowledge.

A computation that went is known by its party for as long as its packets are to be forwarded. By
its name it is known here only until it has settled at its new place: then that host answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulacra.actors.compute.letters import Place
from simulacra.actors.compute.post_messages import Enter, Find, Found, Leave
from simulacra.actors.runtime import Ref


@dataclass(slots=True)
class _Resident:
    name: str
    place: Place
    ref: Ref


class Residents:
    """See the module.

    Args:
        host: this host.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._here: dict[str, _Resident] = {}
        self._gone_to: dict[str, Place] = {}
        self._unsettled: set[str] = set()

    def enter(self, message: Enter) -> None:
        """It lives here now."""
        self.forget(message.party)
        self._here[message.party] = _Resident(message.name, message.place, message.ref)

    def leave(self, message: Leave) -> None:
        """It went elsewhere."""
        self.forget(message.party)
        self._gone_to[message.party] = message.place
        if not message.settled:
            self._unsettled.add(message.party)

    def forget(self, party: str) -> None:
        """Know nothing of it any more."""
        self._here.pop(party, None)
        self._gone_to.pop(party, None)
        self._unsettled.discard(party)

    def ref(self, party: str) -> Ref | None:
        """The actor of a party that lives here."""
        resident = self._here.get(party)
        return None if resident is None else resident.ref

    def gone_to(self, party: str) -> Place | None:
        """Where a party went that lived here."""
        return self._gone_to.get(party)

    def find(self, query: Find) -> Found | None:
        """What is known here of a party or a name."""
        party = query.party
        if party is None and query.name is not None and "#" in query.name:
            party = query.name  # a message's sender is told as a party
        if party is not None:
            return self._find_party(party)
        name, at, host = (query.name or "").partition("@")
        return None if at and host != self._host else self._find_name(name, asked=query.name)

    def _find_party(self, party: str) -> Found | None:
        resident = self._here.get(party)
        place = resident.place if resident else self._gone_to.get(party)
        return None if place is None else Found(party, place)

    def _find_name(self, name: str, *, asked: str | None) -> Found | None:
        for party, resident in self._here.items():
            if resident.name == name:
                return Found(party, resident.place)
        for party in self._unsettled:
            if party.rpartition("#")[0] == asked:
                return Found(party, self._gone_to[party])
        return None
