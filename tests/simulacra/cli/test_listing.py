from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from simulacra.actors.gateway.call import Call

from .conftest import DEADLINE, Run, Serve
from .samples import CRASHED, row

ROWS = [
    row("desk", kind="node", mailbox=None, bound=None),
    row("sums", "desk", restarts=2, reason=CRASHED),
    row("part-1", "sums"),
    row("count", "desk", state="waiting", host=None, waits_for="a host with 2G of memory"),
]


def test_tree_with_reasons(run: Run, serve: Serve) -> None:
    serve({"ps": lambda _: [{"time": 1.0, "rows": ROWS}]})
    ended = run("ps")
    assert ended.code == 0
    heading, *lines = ended.stdout.splitlines()
    assert heading.split() == [
        "name", "state", "host", "pid", "age", "restarts", "mailbox", "cpu", "memory", "seen",
        "why",
    ]  # fmt: skip
    for line, name in zip(lines, ("desk", "├─ sums", "│  └─ part-1", "└─ count"), strict=True):
        assert line.startswith(f"{name} ")
    assert "ValueError: no number" in lines[1]
    assert "waits for a host with 2G of memory" in lines[3]
    assert "\x1b" not in ended.stdout


def test_a_row_whose_parent_is_not_shown_is_a_root(run: Run, serve: Serve) -> None:
    serve({"ps": lambda _: [{"time": 1.0, "rows": [row("count", "hidden")]}]})
    assert run("ps").stdout.splitlines()[1].startswith("count ")


def test_options_reach_the_node(run: Run, serve: Serve) -> None:
    asked: list[dict[str, Any]] = []

    def ps(call: Call) -> Iterator[object]:
        asked.append(dict(call.args))
        yield {"time": 1.0, "rows": []}

    serve({"ps": ps})
    assert run("ps", "sums", "-a", "--finished", "--json").json() == {"time": 1.0, "rows": []}
    assert asked == [{"name": "sums", "all": True, "finished": True}]


def test_watching_is_a_document_a_line(environ: dict[str, str], serve: Serve) -> None:
    asked: list[float] = []

    def ps(call: Call) -> Iterator[object]:
        asked.append(call.arg("every", float))
        for n in range(3):
            yield {"time": float(n), "rows": []}

    serve({"ps": ps})
    done = subprocess.run(
        [sys.executable, "-m", "simulacra", "ps", "--watch", "--every", "500ms", "--json"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    assert [json.loads(line)["time"] for line in done.stdout.splitlines()] == [0.0, 1.0, 2.0]
    assert asked == [0.5]
