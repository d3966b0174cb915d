"""What this host says of itself in the directory, kept true: what it can do, what is named here.

Every two seconds it is looked at again, and what differs is said. What this host no longer holds it
withdraws, and does not delete: where it went, another host says so under a higher epoch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from simulacra.actors.cluster.directory_view import DirectoryView
from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Epoch
from simulacra.actors.cluster.store import StoreError
from simulacra.actors.runtime import Actor, ActorDeadError, AskTimeoutError

PUBLISHER: Final = "publisher"
EVERY: Final = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Held:
    """A thing that has its name here.

    Attributes:
        id: tells it from others of its name; the same wherever it moves.
        name: its name.
        kind: as `names.Thing` has it.
        epoch: grows with each move.
        since: when it got the name, in seconds since the epoch.
    """

    id: str
    name: str
    kind: str
    epoch: int
    since: float


@dataclass(frozen=True)
class Sources:
    """What there is to say.

    Attributes:
        told: what this host can do, and where it listens.
        held: what has its name here.
        copies: of which trees this host has copies, by their ids.
        services: what the master here decided of each service; None where this host is none.
        epoch: of the master, where this host is it.
    """

    told: Callable[[], Mapping[str, Any]]
    held: Callable[[], list[Held]]
    copies: Callable[[], Mapping[str, Any]]
    services: Callable[[], Mapping[str, Any] | None]
    epoch: Callable[[], tuple[int, str]]


class Look:
    """Look again now; answered when what differs was said."""


class Publisher(Actor):
    """See the module.

    Args:
        host: this host's name.
        view: the directory.
        sources: what there is to say.
    """

    def __init__(self, host: str, view: DirectoryView, sources: Sources) -> None:
        self._host = host
        self._view = view
        self._sources = sources

    def on_start(self) -> None:
        """Begin to look."""
        self.ref.tell(Look())
        self.send_every(EVERY, Look())

    def on_receive(self, message: Any) -> Any:
        """Look, and say what differs."""
        match message:
            case Look():
                try:
                    self._publish()
                except (FactError, StoreError, ActorDeadError, AskTimeoutError) as error:
                    logger.warning("the directory does not say all of this host now: %s", error)
            case _:
                self.refuse(message)

    def _publish(self) -> None:
        self._view.declare("host", self._host, {"capabilities": dict(self._sources.told())})
        self._view.declare("copy", self._host, self._sources.copies())
        self._publish_names()
        services = self._sources.services()
        if services is not None:
            self._publish_services(services)

    def _publish_names(self) -> None:
        held = {(each.id, each.name): each for each in self._sources.held()}
        said = {
            (fact.key.subject, fact.key.name): fact
            for fact in self._view.find("name", host=self._host)
        }
        for key, each in held.items():
            value = {"host": self._host, "kind": each.kind, "since": each.since}
            if key not in said or said[key].value != value:
                epoch = Epoch(each.epoch + 1, self._host)
                self._view.say("name", each.id, each.name, value, epoch=epoch)
        for subject, name in said.keys() - held.keys():
            self._view.withdraw("name", subject, name)

    def _publish_services(self, services: Mapping[str, Any]) -> None:
        epoch = Epoch(*self._sources.epoch())
        known = {fact.key.name: fact for fact in self._view.find("service")}
        for name, value in services.items():
            if name not in known or known[name].value != value:
                self._view.say("service", "", name, value, epoch=epoch)
        for name in known.keys() - services.keys():
            self._view.delete("service", "", name, epoch=epoch)
