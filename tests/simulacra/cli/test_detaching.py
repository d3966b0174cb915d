from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from simulacra.actors.gateway.call import Call

from .conftest import Run, Serve, Terminal

FLOW = {"changed": 2, "removed": 1, "size": 2048}
TREE = {
    "tree": "src",
    "with": "nas",
    "problem": "",
    "up": FLOW,
    "down": FLOW,
    "clashes": ["a", "b"],
}
PLAN = {"since": 1.0, "hosts": ["nas"], "trees": [TREE], "finished": []}


def progress(**other: Any) -> dict[str, Any]:
    known = {"tree": "src", "verdict": "wait", "why": "bringing", "files": 0, "size": 0}
    return {"progress": {**known, "seconds_left": None, **other}}


def test_detach_shows_how_it_goes_and_that_it_is_safe(run: Run, serve: Serve) -> None:
    asked: list[Any] = []

    def detach(call: Call) -> Iterator[object]:
        asked.append(dict(call.args))
        yield progress()
        yield progress(files=7, size=2048, seconds_left=90.0)
        yield progress(verdict="ready")
        yield {
            "detached": True, "already": False, "missing": [], "notes": ["mind the gap"],
            "main_stores": {"src": "nas"}, "until": time.time() + 3601,
        }  # fmt: skip

    serve({"detach": detach})
    ended = run("detach", "--for", "1h", "--trees", "src,notes")
    assert (ended.code, ended.stdout) == (0, "")
    assert asked == [{"lasts": 3600.0, "trees": ["src", "notes"], "anyway": False}]
    assert ended.stderr.splitlines() == [
        "simulacra: src: bringing",
        "simulacra: src: 7 files, 2.0K to come, about 1m30s to go",
        "simulacra: src: all of it is here",
        "simulacra: note: mind the gap",
        "simulacra: the main store of src is on nas now",
        (
            "simulacra: this host is detached, back in 1h0m; it is safe to close the lid; "
            "come back: simulacra rejoin"
        ),
    ]
    assert run("detach", "--json").json()["main_stores"] == {"src": "nas"}


def test_detach_says_what_is_missing_and_fails(run: Run, serve: Serve) -> None:
    told = {"detached": False, "already": False, "missing": ["src: why"], "notes": []}
    serve({"detach": lambda _: [progress(verdict="stuck", why="why"), told]})
    ended = run("detach")
    assert ended.code == 1
    assert "missing: src: why" in ended.stderr
    assert "simulacra detach --anyway" in ended.stderr
    as_json = run("detach", "--json")
    assert (as_json.code, as_json.json()["missing"]) == (1, ["src: why"])


def test_rejoin_shows_the_plan_and_what_became_of_it(run: Run, serve: Serve) -> None:
    done = {
        "rejoined": True, "missing": [], "splits": [{}],
        "trees": [{**TREE, "conflicts": ["a"], "merged": ["b"]}],
        "finished": [{"name": "sums", "host": "nas", "state": "done", "ended": time.time() - 61}],
    }  # fmt: skip
    serve({"rejoin": lambda _: [{"plan": PLAN, "goes_on": True}, progress(verdict="ready"), done]})
    ended = run("rejoin")
    assert ended.code == 0
    assert ended.stdout.splitlines() == [
        (
            "src: 2 changes and 1 deletions (2.0K) up, 2 changes and 1 deletions (2.0K) down, "
            "2 changed on both sides (with nas)"
        ),
        "  both: a",
        "  both: b",
        "merged: src/b",
        "conflict: src/a",
        "finished: sums on nas: done, 1m1s ago",
    ]
    assert "this goes on where it was" in ended.stderr
    assert "simulacra splits" in ended.stderr
    assert "simulacra conflicts" in ended.stderr
    assert run("rejoin", "--json").json() == done


def test_a_dry_run_shows_the_plan_alone(run: Run, serve: Serve) -> None:
    asked: list[Any] = []

    def rejoin(call: Call) -> Iterator[object]:
        asked.append(dict(call.args))
        yield {
            "plan": {**PLAN, "trees": [{**TREE, "problem": "nobody is there"}]},
            "goes_on": False,
        }

    serve({"rejoin": rejoin})
    ended = run("rejoin", "--dry-run")
    assert (ended.code, ended.stdout, asked) == (0, "", [{"dry_run": True}])
    assert ended.stderr == "simulacra: src: nobody is there\n"
    assert run("rejoin", "--dry-run", "--json").json()["plan"]["hosts"] == ["nas"]


def test_a_rejoin_that_is_not_done_fails(run: Run, serve: Serve) -> None:
    done = {"rejoined": False, "missing": ["src: why"], "splits": [], "trees": [], "finished": []}
    serve({"rejoin": lambda _: [{"plan": PLAN, "goes_on": False}, done]})
    ended = run("rejoin")
    assert ended.code == 1
    assert "not in step yet: src: why" in ended.stderr
    assert "equal" not in ended.stderr


def test_what_a_rejoin_leaves_as_it_is_is_noted(run: Run, serve: Serve) -> None:
    done = {
        "rejoined": True, "missing": [], "splits": [], "trees": [], "finished": [],
        "notes": ["src: the history of a/.git waits: a rebase is under way"],
    }  # fmt: skip
    answers = [done, {**done, "notes": []}]
    serve({"rejoin": lambda _: [{"plan": PLAN, "goes_on": False}, answers.pop(0)]})
    ended = run("rejoin")
    assert ended.code == 0
    assert "note: src: the history of a/.git waits: a rebase is under way" in ended.stderr
    assert "both sides are equal but for what is noted" in ended.stderr
    assert run("rejoin").stderr.endswith("both sides are equal\n")


def test_on_a_terminal_each_tree_has_a_bar(environ: dict[str, str], serve: Serve) -> None:
    def detach(_: Call) -> Iterator[object]:
        yield progress(files=7, size=2048, seconds_left=90.0)
        yield progress(verdict="ready")
        yield {"detached": True, "already": False, "missing": [], "notes": [], "until": None}

    serve({"detach": detach})
    terminal = Terminal({**environ, "TERM": "xterm", "COLUMNS": "100"}, "detach")
    terminal.until("━".encode())
    terminal.until(b"src: all of it is here")
    terminal.until(b"safe to close the lid")
    assert terminal.end() == 0
