"""``conflicts`` and the commands for single files of trees, against a node that answers as told."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from simulacra.actors.gateway.call import Call, Handler
from simulacra.cli.exits import ExitCode

from .conftest import Run, Serve


def side(host: str, name: str, size: int) -> dict[str, Any]:
    return {
        "host": host, "name": name, "size": size, "kind": "file", "dot": [host, 1, 2],
        "time": time.time() - 60,
    }  # fmt: skip


CONFLICTS: dict[str, Any] = {
    "conflicts": [
        {
            "tree": "src", "path": "x.txt", "kind": "content",
            "sides": [side("nas", "x.txt", 17), side("desk", "x.conflict-desk-4.txt", 2048)],
        }
    ],
    "unknown": {"photos": "no host that has photos is in reach: cloud"},
}  # fmt: skip


def noting(asked: list[dict[str, Any]], answer: dict[str, Any]) -> Handler:
    def handle(call: Call) -> list[dict[str, Any]]:
        asked.append(dict(call.args))
        return [answer]

    return handle


def test_conflicts_are_a_row_a_side(run: Run, serve: Serve) -> None:
    serve({"conflicts": lambda _: [CONFLICTS]})
    shown = run("conflicts")
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines[1][:3] == ["src:x.txt", "content", "nas"]
    assert lines[1][4:] == ["ago", "17B", "x.txt"]
    assert lines[2][-2:] == ["2.0K", "x.conflict-desk-4.txt"]
    assert "the conflicts of photos are not known: no host that has photos" in shown.stderr
    assert run("conflicts", "--json").json() == CONFLICTS


def test_more_than_are_listed_at_a_time_are_told_and_read_with_all(run: Run, serve: Serve) -> None:
    known = [
        {**CONFLICTS["conflicts"][0], "path": f"{n}.txt", "sides": [side("nas", "x", 1)]}
        for n in range(5)
    ]

    def two_at_a_time(call: Call) -> list[dict[str, Any]]:
        skip = call.arg("skip", int, 0)
        left = len(known) - skip - 2
        more = {"src": left} if left > 0 else {}
        return [{"conflicts": known[skip : skip + 2], "unknown": {}, "more": more}]

    serve({"conflicts": two_at_a_time})
    first = run("conflicts")
    assert len(first.stdout.splitlines()) == 1 + 2
    assert "src has 3 more: simulacra conflicts src --all" in first.stderr
    every = run("conflicts", "src", "--all")
    assert [line.split()[0] for line in every.stdout.splitlines()[1:]] == [
        f"src:{n}.txt" for n in range(5)
    ]
    assert "more" not in every.stderr
    assert run("conflicts", "--all", "--json").json()["conflicts"] == known


def test_a_node_that_knows_no_pages_is_asked_no_further(run: Run, serve: Serve) -> None:
    serve({"conflicts": lambda _: [{**CONFLICTS, "more": {"src": 7}}]})
    assert len(run("conflicts", "--all").stdout.splitlines()) == 1 + 2


def test_a_conflict_is_settled_as_was_typed(run: Run, serve: Serve) -> None:
    asked: list[dict[str, Any]] = []
    answer = {"tree": "src", "path": "x.txt", "taken": "nas"}
    serve({"conflict_settle": noting(asked, answer)})
    assert "src:x.txt is settled: nas" in run("conflicts", "resolve", "x", "--take", "nas").stderr
    assert (asked[0]["file"], asked[0]["take"]) == ("x", "nas")
    assert asked[0]["folder"].startswith("/")
    assert run("conflicts", "resolve", "x").code == ExitCode.USAGE


VERSION = {
    "host": "nas", "number": 3, "path": "x", "time": 0.0, "age": 120.0, "size": 5, "kind": "file",
}  # fmt: skip


def test_versions_and_what_is_not_known_of_them(run: Run, serve: Serve) -> None:
    found = {
        "tree": "src", "path": "x", "versions": [VERSION],
        "unknown": {"cloud": "it is not connected"},
    }  # fmt: skip
    serve({"tree_versions": lambda _: [found]})
    shown = run("tree", "versions", "src:x")
    assert shown.stdout.splitlines()[1].split() == ["nas", "3", "2m0s", "ago", "5B"]
    assert "what cloud keeps is not known: it is not connected" in shown.stderr


def test_restoring_says_where_and_whether_it_is_what_it_was(run: Run, serve: Serve) -> None:
    asked: list[dict[str, Any]] = []
    answer = {**VERSION, "tree": "src", "to": "y", "exact": False}
    serve({"tree_restore": noting(asked, answer)})
    shown = run("tree", "restore", "./x", "--version", "3", "--to", "src:y", "--on", "nas").stderr
    assert "version 3 of x is at src:y; a program wrote to it" in shown
    assert (asked[0]["version"], asked[0]["to"], asked[0]["on"]) == (3, "src:y", "nas")


def test_the_status_of_a_file(run: Run, serve: Serve) -> None:
    found = {
        "tree": "src", "path": "x", "known": [side("nas", "x", 5)], "conflict": ["x", "x.copy"],
        "copies": [{"host": "desk", "state": "waiting", "reason": "nas have it not"}],
    }  # fmt: skip
    serve({"tree_file": lambda _: [found]})
    for typed in ("src:x", "./x"):
        shown = run("tree", "status", typed)
        assert shown.stdout.splitlines()[1].split(maxsplit=2) == [
            "desk", "waiting", "nas have it not",
        ]  # fmt: skip
        assert re.search(r"of nas, \w+ ago, 5B", shown.stderr)
        assert "it is in conflict, kept as x, x.copy" in shown.stderr


def test_how_much_is_kept_goes_along(run: Run, serve: Serve) -> None:
    asked: list[dict[str, Any]] = []
    answer = {"name": "src", "host": "desk", "path": "/src"}
    serve({verb: noting(asked, answer) for verb in ("tree_add", "tree_follow")})
    commands: list[Callable[[], object]] = [
        lambda: run("tree", "add", "src", "/src", "--keep", "5G", "--keep-for", "90d"),
        lambda: run("tree", "follow", "src", "/src", "--keep", "5G", "--keep-for", "90d"),
        lambda: run("tree", "add", "src", "/src"),
    ]
    for command in commands:
        command()
    assert [each.get("keep_bytes") for each in asked] == [5 << 30, 5 << 30, None]
    assert [each.get("keep_seconds") for each in asked] == [90 * 86400.0, 90 * 86400.0, None]
