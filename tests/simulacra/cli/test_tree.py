"""``tree``, against a node that answers as told."""

from __future__ import annotations

from typing import Any

import pytest

from simulacra.actors.gateway.call import Call, Handler
from simulacra.cli.exits import ExitCode

from .conftest import Run, Serve


def copy(host: str, **other: Any) -> dict[str, Any]:
    return {
        "host": host, "path": f"/home/{host}/src", "main": host == "desk", "state": "idle",
        "reason": "", "left": {}, "left_more": 0, "skipped": {}, "skipped_more": 0, **other,
    }  # fmt: skip


def noting(asked: list[dict[str, Any]], **answer: Any) -> Handler:
    def handle(call: Call) -> list[dict[str, Any]]:
        asked.append(dict(call.args))
        return [answer]

    return handle


def test_trees_are_listed_with_the_main_store_first(run: Run, serve: Serve) -> None:
    trees = [
        {"name": "src", "main": "desk", "hosts": {"nas": "/n", "desk": "/d"}},
        {"name": "new", "main": "desk", "hosts": {}},
    ]
    serve({"tree_list": lambda _: [{"trees": trees}]})
    assert [line.split() for line in run("tree").stdout.splitlines()[1:]] == [
        ["src", "desk:/d", "nas:/n"],
        ["new", "desk:?", "-"],
    ]
    assert run("tree", "list", "--json").json() == {"trees": trees}


AWAY = "since this copy was away: move out what you want, and delete the rest: rm -r"
WHY = "9 bytes of it wait: this line is metered"


def test_sync_says_what_it_did_not_wait_for(run: Run, serve: Serve) -> None:
    copies = [
        copy("desk"),
        copy("nas", left={"film.mkv": WHY}, left_more=7),
        copy("lap", state="out of reach"),
        copy("pi", state="halted", reason="half of it is gone"),
    ]
    serve({"tree_sync": lambda _: [{"name": "src", "copies": copies}]})
    done = run("tree", "sync", "src")
    assert (done.code, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        "simulacra: src is in step on desk, nas, but for what waits:",
        f"simulacra: nas: film.mkv: {WHY}",
        "simulacra: nas: and 7 more",
        "simulacra: pi: it is halted: half of it is gone",
    ]
    as_json = run("tree", "sync", "src", "--json")
    assert (as_json.json()["copies"], as_json.stderr) == (copies, "")


def test_sync_of_all_says_no_more(run: Run, serve: Serve) -> None:
    asked: list[dict[str, Any]] = []
    serve({"tree_sync": noting(asked, name="src", copies=[copy("desk"), copy("nas")])})
    assert run("tree", "sync", "src", "--anyway").stderr == (
        "simulacra: src is in step on desk, nas\n"
    )
    assert asked == [{"name": "src", "anyway": True}]


def test_status_remarks_on_all_that_is_not_as_it_should_be(run: Run, serve: Serve) -> None:
    nas = copy(
        "nas",
        state="halted",
        reason="half of it is gone",
        left={"a": "why a"},
        skipped={"b": "a socket"},
        skipped_more=3,
        quarantined={"/q": 1, "/r": 2},
        tombstones=5,
        unacknowledged=["lap", "pi"],
    )
    serve({"tree_status": lambda _: [{"copies": [copy("desk"), nas]}]})
    shown = run("tree", "status", "src")
    assert [line.split(maxsplit=4) for line in shown.stdout.splitlines()[1:]] == [
        ["desk", "/home/desk/src", "main", "store", "idle"],
        ["nas", "/home/nas/src", "follower", "halted", "half of it is gone"],
    ]
    assert shown.stderr.splitlines() == [
        "simulacra: nas: a: why a",
        "simulacra: nas: b: a socket",
        "simulacra: nas: and 3 more",
        f"simulacra: nas: 1 file that no other host knows waits in /q, {AWAY} /q",
        f"simulacra: nas: 2 files that no other host knows wait in /r, {AWAY} /r",
        "simulacra: nas: 5 deletions are remembered until lap, pi heard of them",
    ]


def test_a_copy_of_the_version_before_and_one_out_of_reach_have_less_to_say(
    run: Run, serve: Serve
) -> None:
    known = {"host", "path", "main", "state"}
    away = {key: value for key, value in copy("nas").items() if key in known}
    serve({"tree_status": lambda _: [{"copies": [away]}]})
    shown = run("tree", "status", "src")
    assert (shown.code, shown.stderr) == (0, "")


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
