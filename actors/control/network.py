"""The network: what happened in it, and who is let in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.cluster.admissions import Expulsion
from simulacra.actors.cluster.charter import from_plain
from simulacra.actors.cluster.events import Event
from simulacra.actors.cluster.naming import NamingError, check_name
from simulacra.actors.cluster.records import MalformedRecordError
from simulacra.actors.cluster.registrar import REGISTRAR, Keep
from simulacra.actors.compute.computations import is_living
from simulacra.actors.compute.computing import Described
from simulacra.actors.compute.exposing import EXPOSING, Expose
from simulacra.actors.control.finding import everywhere
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_SLICE: Final = 0.5
_WRITTEN_TO: Final = frozenset({"computation", "service"})


class NetworkVerbs:
    """The verbs ``where``, ``events``, ``enter`` and ``keep``."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def events(self, call: Call) -> Iterator[object]:
        """What happened, and with ``follow`` what happens, until the client goes away."""
        log, tail = self._node.events, call.arg("tail", int, None)
        follow = call.arg("follow", bool, False)
        found, _ = log.since(0)
        last = found[-1].number if found else 0
        yield from map(
            Event.to_plain, found if tail is None else found[max(0, len(found) - tail) :]
        )
        while follow:
            call.check()
            found, missed = log.since(last, wait=_SLICE)
            if missed:
                yield _missed(missed)
            yield from map(Event.to_plain, found)
            last = found[-1].number if found else last

    def where(self, call: Call) -> Iterator[object]:
        """What a name stands for, and why; without a name all names."""
        names = self._node.knowing.names()
        asked = call.arg("name", str, None)
        if asked is None:
            yield {
                "names": [
                    {
                        "name": name,
                        "kind": thing.kind,
                        "hosts": [place.host for place in thing.places],
                        "renamed": names.renamed.get(name),
                    }
                    for name, thing in names.things.items()
                ]
            }
            return
        try:
            found = names.resolve(asked, self._node.settings.name)
        except NamingError as error:
            seen = [each for each in everywhere(self._node) if _is_named(each.described, asked)]
            if error.code == "unknown" and seen:
                yield _just_begun(seen[0].described)
                return
            code = ErrorCode.NOT_FOUND if error.code == "unknown" else ErrorCode.USAGE
            raise GatewayError(code, str(error), "see all names: simulacra where") from error
        yield {
            "asked": asked,
            "kind": found.kind,
            "name": found.name,
            "host": found.host,
            "path": found.path or None,
            "address": self._node.knowing.addresses().get(found.host) or None,
            "places": [
                {"host": place.host, "path": place.path or None, "complete": place.complete}
                for place in found.places
            ],
            "why": list(found.why),
        }

    def expose(self, call: Call) -> Iterator[object]:
        """Let outside hosts write to a computation, or no more; without a name what is exposed."""
        name, on = call.arg("name", str, None), call.arg("on", bool, True)
        if name is not None:
            refuse_outside(self._node)
            self._check_exposed(name, on=on)
        yield {"exposed": self._node.system.ref(EXPOSING).ask(Expose(name, on))}

    def _check_exposed(self, name: str, *, on: bool) -> None:
        try:
            check_name(name, "computation")
        except NamingError as error:
            raise GatewayError(ErrorCode.USAGE, str(error), "see: simulacra ps") from error
        if not on:
            if name not in self._node.system.ref(EXPOSING).ask(Expose(None)):
                raise GatewayError(
                    ErrorCode.NOT_FOUND, f"{name} is not exposed here", "see: simulacra expose"
                )
            return
        thing = self._node.knowing.names().things.get(name)
        is_known = thing is not None and thing.kind in _WRITTEN_TO
        if not (
            is_known or any(_is_named(each.described, name) for each in everywhere(self._node))
        ):
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"no computation called {name} runs in the network, so it cannot be exposed",
                f"start it first: simulacra spawn --name {name} ...; see what runs: simulacra ps",
            )

    def enter(self, call: Call) -> Iterator[object]:
        """Take up the work of a member: this host was let into a network."""
        del call
        self._node.enter()
        yield {"network": network_name(self._node), "door": self._node.enrolment.door}

    def keep(self, call: Call) -> Iterator[object]:
        """Keep records of who is in, signed by whoever may, and tell all hosts."""
        here = self._node.settings.name
        try:
            records = [from_plain(each) for each in call.arg("records", list)]
        except MalformedRecordError as error:
            raise GatewayError(ErrorCode.USAGE, f"no record: {error}", "") from error
        if any(isinstance(each, Expulsion) and each.host == here for each in records):
            self._node.cluster.hand_over(f"{here} leaves the network")
        before = set(self._node.neighbours.connected())
        self._node.system.ref(REGISTRAR).ask(Keep(records))
        yield {"expelled": sorted(before - set(self._node.neighbours.connected()))}


def _is_named(described: Described, name: str) -> bool:
    return described.name == name and is_living(described)


def _just_begun(described: Described) -> dict[str, Any]:
    """A computation that the directory does not know yet."""
    host = described.host
    return {
        "asked": described.name,
        "kind": "computation",
        "name": described.name,
        "host": host,
        "path": None,
        "address": None,
        "places": [{"host": host, "path": None, "complete": True}],
        "why": [f"{described.name} is a computation, at {host}; the directory is about to say so"],
    }


def refuse_outside(node: Node) -> None:
    """Refuse what an outside host may not do.

    Raises:
        GatewayError: ``denied``: this is one.
    """
    if node.enrolment.is_outside:
        raise GatewayError(
            ErrorCode.DENIED,
            f"{node.settings.name} is an outside host of the network {network_name(node)}: it "
            "reaches only what was exposed to it, and runs nothing",
            "write to what was exposed: simulacra send NAME@HOST MESSAGE; or type this on an "
            "inside host",
        )


def network_name(node: Node) -> str | None:
    """The network that the node is in; None if in none."""
    charter = node.enrolment.charter
    return None if charter is None else charter.network


def membership_of(node: Node, host: str) -> dict[str, Any]:
    """What the network's records say of a host."""
    charter = node.enrolment.charter
    member = None if charter is None else charter.roll.host(host)
    return {"role": None if member is None else member.role}


def _missed(count: int) -> dict[str, object]:
    text = f"{count} events were too many to be kept"
    return {"number": 0, "time": 0.0, "kind": "missed", "host": "", "text": text, "detail": {}}
