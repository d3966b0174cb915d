from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulacra.actors.compute.values import unpack_plain
from simulacra.actors.gateway.call import Call

from .conftest import Run, Serve
from .samples import EXPLAINED, NORMAL


def test_migrate_tells_what_the_move_cost(run: Run, serve: Serve) -> None:
    moved = {
        "name": "count",
        "source": "desk",
        "target": "nas",
        "epoch": 2,
        "size": 3 << 20,
        "seconds": 0.25,
        "pause": 0.004,
    }
    serve({"migrate": lambda call: [{**moved, **call.args}]})
    ended = run("migrate", "count", "nas")
    assert (ended.code, ended.stdout) == (0, "")
    assert "from desk to nas in 250ms: 3.0M of state, paused for 4ms" in ended.stderr
    assert run("migrate", "count", "nas", "--json").json()["epoch"] == 2


def test_stop_and_kill(run: Run, serve: Serve) -> None:
    def stop(call: Call) -> Iterator[object]:
        state = "killed" if call.arg("kill", bool) else "stopped"
        yield {"name": call.arg("name", str), "host": "nas", "state": state, "reason": NORMAL}

    serve({"stop": stop})
    assert run("stop", "count").stderr == "simulacra: count on nas: stopped\n"
    assert run("stop", "count", "--kill", "--json").json()["state"] == "killed"


@pytest.mark.parametrize(
    ("text", "message"), [("42", 42), ("hello", "hello"), ('{"a": 1}', {"a": 1})]
)
def test_send_takes_json_or_text(run: Run, serve: Serve, text: str, message: object) -> None:
    asked: list[Any] = []

    def send(call: Call) -> Iterator[object]:
        asked.append(unpack_plain(call.arg("body", bytes)))
        yield {"name": call.arg("name", str), "number": 3}

    serve({"send": send})
    assert run("send", "sums", text).code == 0
    assert asked == [message]


def test_explain_shows_costs_refusals_and_the_chain(run: Run, serve: Serve) -> None:
    serve({"explain": lambda _: [EXPLAINED]})
    shown = run("explain", "count").stdout
    assert "not by enough to pay for the move" in shown
    (nas,) = [line for line in shown.splitlines() if line.startswith("nas  ")]
    assert nas.split() == ["nas", "4s", "0ms", "0ms", "3.5s", "500ms", "best"]
    assert "needs 2G of memory, has 1G free" in shown
    assert "desk nas  2s   best" in shown
    assert run("explain", "count", "--json").json() == EXPLAINED
