"""``tree status FILE``, ``tree versions`` and ``tree restore``, against a node that answers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError

from .conftest import Run, Serve

ODD = os.fsdecode(b"caf\xe9")


def file(call: Call) -> list[dict[str, Any]]:
    copies = [{"host": "nas", "state": "waiting", "reason": f"of {call.path('file')!a}"}]
    known = [{"host": "nas", "time": 0.0, "size": 3}]
    return [{"tree": "src", "path": "x", "known": known, "conflict": ["x", "y"], "copies": copies}]


def no_tree(_: Call) -> list[dict[str, Any]]:
    raise GatewayError(ErrorCode.NOT_FOUND, "there is no tree todo.txt", "see them")


def test_the_state_of_a_file_is_shown(run: Run, serve: Serve) -> None:
    serve({"tree_file": file})
    done = run("tree", "status", "src:todo.txt")
    assert done.stdout.splitlines()[1].split(maxsplit=2) == ["nas", "waiting", "of 'src:todo.txt'"]
    assert done.stderr.endswith("it is in conflict, kept as x, y: simulacra conflicts src\n")


def test_a_name_that_is_no_text_travels(run: Run, serve: Serve, tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def note(call: Call) -> list[dict[str, Any]]:
        asked.append([call.path("file"), call.path("folder"), call.path("to", "-")])
        return [{"tree": "src", "path": "a", "to": "b", "number": 1, "exact": True, "taken": "x"}]

    serve({"tree_file": file, "tree_restore": note, "conflict_settle": note})
    assert "of 'caf\\udce9'" in run("tree", "status", ODD).stdout
    assert run("tree", "restore", ODD, "--to", f"./{ODD}").code == 0
    assert run("conflicts", "resolve", f"src:{ODD}", "--take", "main").code == 0
    assert asked == [[ODD, str(tmp_path), f"./{ODD}"], [f"src:{ODD}", str(tmp_path), "-"]]


def test_a_file_that_is_here_is_meant_where_no_tree_has_its_name(
    run: Run, serve: Serve, tmp_path: Path
) -> None:
    serve({"tree_file": file, "tree_status": no_tree})
    refused = run("tree", "status", "todo.txt")
    assert (refused.code, "there is no tree todo.txt" in refused.stderr) == (5, True)
    (tmp_path / "todo.txt").touch()
    assert "of 'todo.txt'" in run("tree", "status", "todo.txt").stdout
