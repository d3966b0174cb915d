"""``tree``, against a node that answers as told."""

from __future__ import annotations

from typing import Any

import pytest

from simulacra.actors.gateway.call import Call, Handler
from simulacra.cli.exits import ExitCode

from .conftest import Run, Serve


def noting(asked: list[dict[str, Any]], **answer: Any) -> Handler:
    def handle(call: Call) -> list[dict[str, Any]]:
        asked.append(dict(call.args))
        return [answer]

    return handle


def test_what_is_typed_goes_along(run: Run, serve: Serve, tmp_path: Any) -> None:
    asked: list[dict[str, Any]] = []
    serve({"tree_follow": noting(asked, name="src", host="nas", path="/x")})
    words = ["--include", "a/", "--exclude", "*.raw", "--exclude", "*.iso", "--largest", "50M"]
    words += ["--room", "5G", "--recent", "30d"]
    assert "src is followed in /x" in run("tree", "follow", "src", "here", *words).stderr
    assert asked == [
        {
            "name": "src", "path": str(tmp_path / "here"), "include": ["a/"],
            "exclude": ["*.raw", "*.iso"], "largest": 50 << 20, "room": 5 << 30,
            "recent": 30 * 86400.0,
        }
    ]  # fmt: skip


@pytest.mark.parametrize("words", [(), ("--all", "--largest", "5M")])
def test_a_part_or_all_is_to_be_chosen_and_not_both(run: Run, words: tuple[str, ...]) -> None:
    refused = run("tree", "choose", "src", *words)
    assert refused.code == ExitCode.USAGE
    assert "say which part of it, or --all, and not both" in refused.stderr


def test_choosing_says_what_is_here_then(run: Run, serve: Serve) -> None:
    serve({"tree_choose": lambda call: [{"complete": call.arg("largest", int, None) is None}]})
    assert "a part of src is here" in run("tree", "choose", "src", "--largest", "5M").stderr
    assert "all of src is here" in run("tree", "choose", "src", "--all").stderr


@pytest.mark.parametrize(
    ("words", "verb", "sent", "said"),
    [
        (["limit", "src", "--rate", "5M"], "tree_limit", {"rate": 5 << 20}, "5242880 bytes"),
        (["limit", "src"], "tree_limit", {}, "as fast as it goes"),
        (["pause", "src"], "tree_pause", {"paused": True}, "simulacra tree resume src"),
        (
            ["resume", "src", "--sure"], "tree_pause", {"paused": False, "sure": True},
            "src is kept in step",
        ),
        (["unfollow", "src"], "tree_unfollow", {"force": False}, "its files stay in /x"),
        (["remove", "src"], "tree_remove", {"force": False}, "its files stay"),
        (["remove", "src", "--force"], "tree_remove", {"force": True}, "its files stay"),
    ],
)  # fmt: skip
def test_each_says_what_it_did(
    run: Run, serve: Serve, words: list[str], verb: str, sent: dict[str, Any], said: str
) -> None:
    asked: list[dict[str, Any]] = []
    serve({verb: noting(asked, name="src", path="/x")})
    done = run("tree", *words)
    assert done.code == 0
    assert said in done.stderr
    assert {key: value for key, value in asked[0].items() if value is not None} == {
        "name": "src", **sent,
    }  # fmt: skip
