from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulacra.actors.gateway.call import Call

from .conftest import Run, Serve

LOST = {
    "number": 4,
    "time": 1.7e9,
    "kind": "host.lost",
    "host": "nas",
    "text": "nas is not connected any more",
    "detail": {},
}


def test_events_are_lines(run: Run, serve: Serve) -> None:
    asked: list[dict[str, Any]] = []

    def events(call: Call) -> Iterator[object]:
        asked.append(dict(call.args))
        yield LOST
        yield {**LOST, "kind": "missed", "text": "7 events were too many to be kept"}

    serve({"events": events})
    ended = run("events", "-f", "--tail", "3", TZ="UTC")
    assert ended.stdout == (
        "2023-11-14 22:13:20  host.lost         nas is not connected any more\n"
        "(7 events were too many to be kept)\n"
    )
    assert asked == [{"follow": True, "tail": 3}]


def test_as_json_they_are_a_document_each(run: Run, serve: Serve) -> None:
    serve({"events": lambda _: [LOST, LOST]})
    assert len(run("events", "--json").stdout.splitlines()) == 2
