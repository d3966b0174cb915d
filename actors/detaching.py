"""A host that detaches and rejoins: kept in a file, so that it stays so through restarts.

========== ====================================================================================
phase      the node
========== ====================================================================================
(no file)  belongs to the network, in reach of it or not
apart      works with other detached hosts alone, with the cable in or out; all others are in
           sight at most: either side may look how trees and computations are on the other, and
           nothing else (`runtime.outside.Apart`)
rejoining  belongs to the network again; what both sides did is being brought together
========== ====================================================================================

A cut without a word needs none of this: the parts of a network go on by themselves, and come
together by themselves. To detach is to be prepared for it, to say so, and to say when it is over.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.members import State
from simulacra.actors.cluster.membership import MEMBERSHIP, TableQuery
from simulacra.actors.cluster.store import StoreError
from simulacra.actors.compute.computations import COMPUTATIONS, ListThem
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.trees import TREES, ListTrees
from simulacra.actors.pinning import Copy, Lies, Need, needs
from simulacra.actors.private_files import replace_private
from simulacra.actors.runtime import Actor, ActorDeadError, AskTimeoutError
from simulacra.actors.runtime.childspec import ChildSpec
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.wire_types import register

if TYPE_CHECKING:
    from simulacra.actors.node import Node

AWAY: Final = "away"
MEANWHILE: Final = "meanwhile"
_OPEN_APART: Final = ("tree.", MEANWHILE)
_HEARD_WITHIN: Final = 2.0
_ASKED_WITHIN: Final = 3.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Away:
    """What is kept of a host that is detached.

    Attributes:
        phase: see the module.
        since: when it detached, seconds since the epoch.
        until: when it is expected back; None where nobody said.
        master: who was master when it left.
        plan: what is to come of rejoining, once that has begun.
    """

    phase: Literal["apart", "rejoining"]
    since: float
    until: float | None = None
    master: str = ""
    plan: dict[str, Any] = field(default_factory=dict)


@register("away.finished")
@dataclass(frozen=True, slots=True)
class Finished:
    """Which computations ended after a time? Answered with maps ``name, host, state, ended``."""

    since: float


class Meanwhile(Actor):
    """Answers `Finished`, also to hosts that are apart."""

    def on_receive(self, message: Any) -> Any:
        """See the class."""
        match message:
            case Finished(float(since)):
                self._look(since, self.defer_reply())
            case _:
                self.refuse(message)

    def _look(self, since: float, reply: Reply) -> None:
        def answer(listed: Reply) -> None:
            found, error = listed.outcome()
            if error is not None:
                reply.set_error(error)
            else:
                reply.set([_ended(each) for each, _ in found if (each.ended or 0.0) > since])

        self.system.ref(COMPUTATIONS).ask(ListThem(), block=False).on_answer(answer)


def _ended(described: Any) -> dict[str, Any]:
    return {key: getattr(described, key) for key in ("name", "host", "state", "ended")}


class Detaching:
    """One node's part in it; safe from any thread.

    Args:
        node: the node; its transport stands, and is told at once to keep apart if it is to.

    Attributes:
        changing: held by whoever detaches or rejoins.
    """

    def __init__(self, node: Node) -> None:
        self.changing = threading.Lock()
        self._node = node
        self._file = node.settings.paths.state / node.settings.name / "away.json"
        self._away = _read(self._file)
        node.system.open_apart = _OPEN_APART
        if self._is_apart:
            node.transport.keep_apart(True, "it is detached")

    def specs(self) -> list[ChildSpec]:
        """Its actors."""
        return [ChildSpec(MEANWHILE, Meanwhile, (), {"name": MEANWHILE})]

    def begin(self) -> None:
        """The node's tree stands: say again what was said before the node was started."""
        if self._is_apart:
            self._node.cluster.declare(State.DETACHED)
        elif self._node.knowing.view.fact(AWAY, self._node.settings.name, AWAY) is not None:
            self._say_back()

    @property
    def away(self) -> Away | None:
        """What is kept of it; None for a host that belongs to its network."""
        return self._away

    @property
    def _is_apart(self) -> bool:
        return self._away is not None and self._away.phase == "apart"

    # -- going and coming

    def leave(self, until: float | None) -> list[str]:
        """Part from the network until `come_back`; the hosts that have heard of it.

        This host's mastership is handed over first. It ends at no line in between: who is killed
        here is cut off without a word.

        Raises:
            OSError: it cannot be kept that it is detached; it is not.
        """
        node, me = self._node, self._node.settings.name
        node.cluster.hand_over(f"{me} detaches")
        away = Away("apart", time.time(), until, node.cluster.focus.epoch.host)
        self._keep(away)
        self._say(lambda: node.knowing.view.say(AWAY, me, AWAY, _told(away)))
        node.cluster.declare(State.DETACHED)
        heard = self._who_heard()
        node.transport.keep_apart(True, f"{me} is detached")
        back = "" if until is None else f", back in {(until - time.time()) / 3600:.1f} h"
        node.events.add("host.detached", me, f"{me} is detached{back}", until=until)
        return heard

    def come_back(self, plan: dict[str, Any]) -> None:
        """Belong to the network again; what both sides did comes together from now on.

        Raises:
            OSError: it cannot be kept; nothing is changed.
        """
        assert self._away is not None  # noqa: S101 - the caller looked
        me = self._node.settings.name
        self._keep(replace(self._away, phase="rejoining", plan=plan))
        self._node.cluster.declare(State.UP)
        self._say_back()
        self._node.transport.keep_apart(False, f"{me} rejoins")
        self._node.events.add("host.rejoins", me, f"{me} rejoins the network")

    def is_back(self) -> None:
        """All has come together: nothing is kept of it any more.

        Raises:
            OSError: it cannot be removed.
        """
        self._file.unlink(missing_ok=True)
        self._away = None

    def _keep(self, away: Away) -> None:
        replace_private(self._file, json.dumps(asdict(away)))
        self._away = away

    def _say_back(self) -> None:
        self._say(lambda: self._node.knowing.view.delete(AWAY, self._node.settings.name, AWAY))

    def _say(self, say: Any) -> None:
        try:
            say()
        except (FactError, StoreError) as error:
            logger.warning("the network is not told for how long this host is away: %s", error)

    def _who_heard(self) -> list[str]:
        """Those in reach who know within moments that this host is detached."""
        me, system = self._node.settings.name, self._node.system
        deadline, heard = time.monotonic() + _HEARD_WITHIN, []
        for host in self._node.neighbours.inside():
            while (left := deadline - time.monotonic()) > 0:
                try:
                    table = system.ref(f"{MEMBERSHIP}@{host}").ask(TableQuery(), timeout=left)
                except (ActorDeadError, AskTimeoutError):
                    break
                if any(each.host == me and each.state == State.DETACHED for each in table):
                    heard.append(host)
                    break
                time.sleep(0.01)
        return heard

    # -- what is to be had here while away

    def needs(self, reads: Iterable[tuple[str, str]]) -> list[Need]:
        """Where lies what computations read, as (computation, ``host:path``)."""
        names = {fact.key.subject: fact.key.name for fact in self._node.knowing.view.find("tree")}
        copies = [
            Copy(each.key.name, names[each.key.name], each.key.subject, each.value["path"])
            for each in self._node.knowing.view.find("copy")
            if each.key.name in names
        ]
        definitions: list[Definition] = self._node.system.ref(TREES).ask(ListTrees())
        return needs(self._node.settings.name, reads, copies, definitions)

    def instead(self, host: str, path: str) -> str | None:
        """Where a file of a host that is out of reach is here, if a tree has brought it."""
        if host in self._node.neighbours.connected():
            return None
        [need] = self.needs([("", f"{host}:{path}")])
        there = need.lies is Lies.FOLLOWED and Path(need.local).exists()
        return need.local if there else None

    def finished(self, since: float) -> list[dict[str, Any]]:
        """The computations that ended after a time, on all hosts in reach or in sight."""
        node = self._node
        asked = [
            node.system.ref(f"{MEANWHILE}@{host}").ask(Finished(since), block=False)
            for host in [node.settings.name, *node.neighbours.inside(), *node.neighbours.in_sight()]
        ]
        found: list[dict[str, Any]] = []
        for answer in asked:
            try:
                found += answer.get(timeout=_ASKED_WITHIN)
            except (ActorDeadError, AskTimeoutError) as error:
                logger.info("a host does not say what ended on it: %s", error)
        return sorted(found, key=lambda each: (each["ended"], each["name"]))


def _told(away: Away) -> dict[str, Any]:
    return {"since": away.since, "until": away.until}


def _read(file: Path) -> Away | None:
    try:
        away = Away(**json.loads(file.read_text()))
        if away.phase not in ("apart", "rejoining"):
            raise ValueError(f"no phase: {away.phase!r}")  # noqa: TRY301 - as any other damage
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, OSError):
        # That a file is there says that the host had detached: to stay so loses nothing.
        logger.exception("%s is damaged: the host is taken to be detached", file)
        return Away("apart", file.stat().st_mtime)
    return away
