"""``tree list``, ``tree status`` and ``tree sync``, against a node that answers as told."""

from __future__ import annotations

from typing import Any

from simulacra.cli.exits import ExitCode

from .conftest import Run, Serve
from .test_tree import noting


def copy(host: str, **other: Any) -> dict[str, Any]:
    return {
        "host": host, "path": f"/home/{host}/src", "main": host == "desk", "state": "idle",
        "reason": "", "left": {}, "left_more": 0, "skipped": {}, "skipped_more": 0, **other,
    }  # fmt: skip


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


def test_what_is_stuck_says_why_and_when_it_is_tried_again(run: Run, serve: Serve) -> None:
    copies = [
        copy("desk", retry_in=3.0),
        copy("nas", state="waiting", reason="the disk is full", retry_in=15.9),
        copy("pi", state="halted", reason="its root is not there", retry_in=None),
    ]
    serve({"tree_status": lambda _: [{"name": "src", "copies": copies}]})
    lines = [line.rstrip() for line in run("tree", "status", "src").stdout.splitlines()]
    assert lines[1].endswith("idle")
    assert lines[2].endswith("the disk is full; it is tried again in 15s")
    assert lines[3].endswith("its root is not there")
    [todo] = run("tree", "status", "src").stderr.splitlines()
    assert todo.endswith("pi: put it right; or, if it is, there: simulacra tree resume src --sure")


def test_a_copy_of_what_is_no_tree_any_more_is_listed_with_what_to_type(
    run: Run, serve: Serve
) -> None:
    serve({"tree_list": lambda _: [{"trees": [], "left_over": [{"name": "src", "path": "/n"}]}]})
    assert run("tree").stderr == (
        "simulacra: src is no tree of the network any more, and this host's copy in /n is in step "
        "with nobody: simulacra tree unfollow src\n"
    )


def test_a_command_that_there_is_not_is_named(run: Run) -> None:
    refused = run("tree", "bogus", "src")
    assert refused.code == ExitCode.USAGE
    assert "simulacra tree knows nothing to do with: bogus src" in refused.stderr


AWAY = "since this copy was away: move out what you want, and delete the rest: rm -r"
WHY = "9 bytes of it wait: this line is metered"


def test_sync_says_what_it_did_not_wait_for(run: Run, serve: Serve) -> None:
    copies = [
        copy("desk"),
        copy("nas", left={"film.mkv": WHY}, left_more=7),
        copy("lap", state="out of reach"),
        copy("pi", state="halted", reason="half of it is gone"),
        copy("old", state="paused"),
    ]
    serve({"tree_sync": lambda _: [{"name": "src", "copies": copies}]})
    done = run("tree", "sync", "src")
    assert (done.code, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        "simulacra: src is in step on desk, nas, but for what waits:",
        f"simulacra: nas: film.mkv: {WHY}",
        "simulacra: nas: and 7 more",
        "simulacra: pi: it is halted: half of it is gone",
        "simulacra: old: it is paused; go on with it, there: simulacra tree resume src",
    ]
    as_json = run("tree", "sync", "src", "--json")
    assert (as_json.json()["copies"], as_json.stderr) == (copies, "")


def test_sync_of_all_says_no_more(run: Run, serve: Serve) -> None:
    asked: list[dict[str, Any]] = []
    serve({"tree_sync": noting(asked, name="src", copies=[copy("desk"), copy("nas")])})
    assert run("tree", "sync", "src", "--anyway").stderr == (
        "simulacra: src is in step on desk, nas\n"
    )
    assert asked == [{"name": "src", "anyway": True, "progress": True}]


def test_sync_shows_how_far_it_is(run: Run, serve: Serve) -> None:
    wait = {"tree": "src", "verdict": "wait", "why": "nas is bringing", "files": 0, "size": 0}
    counted = {**wait, "files": 2, "size": 2048, "seconds_left": 3.0}
    done = {"name": "src", "copies": [copy("desk"), copy("nas")]}
    told = [{"progress": wait}, {"progress": wait}, {"progress": counted}, done]
    serve({"tree_sync": lambda _: told})
    assert run("tree", "sync", "src").stderr.splitlines() == [
        "simulacra: src: nas is bringing",
        "simulacra: src: 2 files, 2.0K to come, about 3s to go",
        "simulacra: src is in step on desk, nas",
    ]
    as_json = run("tree", "sync", "src", "--json")
    assert (as_json.json(), as_json.stderr) == (done, "")


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
        "simulacra: nas: put it right; or, if it is, there: simulacra tree resume src --sure",
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
