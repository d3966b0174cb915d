"""Where in the network a party or a name is: one question to all post offices within reach.

The newest place that any of them knows is the answer. That nobody has it is *certain* only when
every host of the network was asked and said so, twice: it may have moved between the answers of
two hosts. While a host is out of reach or has just started nobody can say so. Who asks what is
being asked already waits for the same answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from simulacra.actors.compute.post_messages import POST, Find, Found
from simulacra.actors.compute.residents import Residents
from simulacra.actors.runtime import ActorSystem, Ref
from simulacra.actors.runtime.futures import Reply

Then = Callable[[Found | None, bool], None]
"""Is told who was found, if anybody, and whether that is certain."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one post office answered; not ``certain`` when it could not be asked."""

    query: Find
    found: Found | None
    certain: bool = True


@dataclass(slots=True)
class _Search:
    """One question to all other hosts, and who waits for its answer."""

    waiting: list[Then]
    best: Found | None
    missing: int
    certain: bool
    again: bool


class Searching:
    """The searches of one post office.

    Args:
        host: this host.
        residents: what is known here.
        system: the node's actor system.
        ref: the post office, which is told `Heard`, and calls `hear`.
        peers: gives the hosts to ask about somebody, this one not among them: those that are
            connected, and of the others that are there who is said to have them.
        absent: gives the hosts that belong here and are not reachable now.

    Attributes:
        is_complete: whether all that lives here is known.
    """

    def __init__(
        self,
        host: str,
        residents: Residents,
        system: ActorSystem,
        ref: Ref,
        peers: Callable[[Find], list[str]],
        absent: Callable[[], list[str]],
    ) -> None:
        self._host = host
        self._residents = residents
        self._system = system
        self._ref = ref
        self._peers = peers
        self._absent = absent
        self._searches: dict[Find, _Search] = {}
        self.is_complete = False

    def search(self, query: Find, then: Then, *, again: bool = False) -> None:
        """Find a party or a name; ``then`` is called once, now or later."""
        known = self._residents.find(query)
        if known is not None and known.place.host == self._host:
            then(known, True)
            return
        search = self._searches.get(query)
        if search is not None:
            search.waiting.append(then)
            return
        peers = self._peers(query)
        certain = self.is_complete and not self._absent()
        self._searches[query] = _Search([then], known, len(peers), certain, again)
        for peer in peers:
            answer = self._system.ref(f"{POST}@{peer}").ask(query, block=False)
            answer.on_answer(partial(self._pass_on, query))
        if not peers:
            self._conclude(query)

    def _pass_on(self, query: Find, answer: Reply) -> None:
        """In whatever thread the answer came: hand it to the actor's own."""
        found, error = answer.outcome()
        self._ref.tell(Heard(query, None if error else found, certain=error is None))

    def hear(self, heard: Heard) -> None:
        """One post office has answered, or cannot."""
        search = self._searches.get(heard.query)
        if search is None:
            return
        search.missing -= 1
        search.certain &= heard.certain
        if heard.found is not None and (
            search.best is None or heard.found.place > search.best.place
        ):
            search.best = heard.found
        if search.missing == 0:
            self._conclude(heard.query)

    def _conclude(self, query: Find) -> None:
        search = self._searches.pop(query)
        if search.best is None and search.certain and not search.again:
            for then in search.waiting:
                self.search(query, then, again=True)
            return
        for then in search.waiting:
            then(search.best, search.certain)

    def nobody(self, name: str, *, certain: bool) -> str:
        """Say that nobody was found."""
        if certain:
            return f"nobody in the network is called {name!r}"
        absent = ", ".join(self._absent()) or "a host that has just started"
        return f"nobody within reach is called {name!r}, and {absent} cannot be asked"
