"""How things are in the network: what happened in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from simulacra.actors.cluster.events import Event
from simulacra.actors.gateway.call import Call

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_SLICE: Final = 0.5


class NetworkVerbs:
    """The verb ``events``."""

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


def _missed(count: int) -> dict[str, object]:
    text = f"{count} events were too many to be kept"
    return {"number": 0, "time": 0.0, "kind": "missed", "host": "", "text": text, "detail": {}}
