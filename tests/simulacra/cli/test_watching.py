from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from simulacra.actors.gateway.call import Call
from simulacra.cli.exits import ExitCode

from .conftest import Run, Serve
from .samples import CRASHED, piece, result


def test_logs_are_the_bytes_that_were_printed(run: Run, serve: Serve) -> None:
    asked: list[dict[str, Any]] = []

    def logs(call: Call) -> Iterator[object]:
        asked.append(dict(call.args))
        yield piece(b"one\n")
        yield piece(b"two\n", "stderr", dropped=7)

    serve({"logs": logs})
    ended = run("logs", "count", "-f", "--tail", "2")
    assert (ended.code, ended.stdout) == (0, "one\ntwo\n")
    assert "7 bytes were lost" in ended.stderr
    assert asked == [{"name": "count", "follow": True, "tail": 2}]


def test_logs_as_json_are_a_document_a_piece(run: Run, serve: Serve) -> None:
    serve({"logs": lambda _: [piece(b"one\n"), piece(b"\xff")]})
    lines = run("logs", "count", "--json").stdout.splitlines()
    assert len(lines) == 2
    assert '"data": "one\\n"' in lines[0]
    assert '"base64": "/w=="' in lines[1]


@pytest.mark.parametrize(
    ("value", "shown"),
    [("text", "text\n"), (None, ""), ([1, {"a": 2}], '[1, {"a": 2}]\n'), ({1, 2}, "{1, 2}\n")],
)
def test_result_is_shown_as_data(run: Run, serve: Serve, value: object, shown: str) -> None:
    serve({"result": lambda _: [result(value)]})
    ended = run("result", "count")
    assert (ended.code, ended.stdout, ended.stderr) == (0, shown, "")


def test_a_number_that_json_has_no_word_for_is_told_as_text(run: Run, serve: Serve) -> None:
    serve({"result": lambda _: [result([math.nan, math.inf])]})
    assert run("result", "count").stdout == "[nan, inf]\n"
    assert run("result", "count", "--json").json()["value"] == "[nan, inf]"


def test_result_as_json_has_the_value(run: Run, serve: Serve) -> None:
    serve({"result": lambda _: [result({"words": 12})]})
    assert run("result", "count", "--json").json()["value"] == {"words": 12}


def test_result_of_a_failure_has_the_traceback_and_the_next_command(run: Run, serve: Serve) -> None:
    failed = result(state="failed", value=None, text=None, reason=CRASHED)
    serve({"result": lambda _: [failed]})
    ended = run("result", "count")
    assert (ended.code, ended.stdout) == (ExitCode.FAILED, "")
    assert "line 3" in ended.stderr
    assert "simulacra logs count" in ended.stderr
    document = run("result", "count", "--json")
    assert document.json()["error"]["message"] == "count failed: ValueError: no number"
    assert document.stderr == ""


def test_no_result_yet_says_how_it_is(run: Run, serve: Serve) -> None:
    waiting = result(state="waiting", reason=None, value=None)
    serve({"result": lambda _: [waiting]})
    ended = run("result", "count")
    assert ended.code == ExitCode.FAILED
    assert "count has no result yet: it is waiting" in ended.stderr
    assert "simulacra result count --wait" in ended.stderr


def test_result_waits_as_long_as_it_is_told(run: Run, serve: Serve) -> None:
    def never(call: Call) -> Iterator[object]:
        assert call.arg("wait", bool)
        while True:
            call.receive(0.05)
        yield

    serve({"result": never})
    ended = run("result", "count", "--wait", "--timeout", "200ms")
    assert ended.code == ExitCode.TIMED_OUT
    assert ended.stderr == (
        "simulacra: count has not ended within 200ms\n  see how it is: simulacra ps count\n"
    )
