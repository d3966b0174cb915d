"""Detaching and rejoining between two real nodes; the lab's tests pull cables as well."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from tests.onehost import Host, until
from tests.twohosts import followed

Two = tuple[Host, Host, dict[str, Path]]


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    """A tree of ``desk`` that ``nas`` follows."""
    with followed(tmp_path) as hosts:
        yield hosts


def last(host: Host, verb: str, **args: Any) -> dict[str, Any]:
    """The last item of an answer; those before say how it goes."""
    items = list(host.client.items(verb, timeout=60.0, **args))
    assert all("progress" in each or "plan" in each for each in items[:-1])
    found: dict[str, Any] = items[-1]
    return found


def state_of(host: Host, other: str) -> str:
    peers = host.client.item("status")["peers"]
    return next((str(each["state"]) for each in peers if each["host"] == other), "")


def detached(host: Host, other: str) -> None:
    """Detach, and wait until the other is in sight only."""
    done = last(host, "detach", lasts=3600.0)
    assert (done["detached"], done["missing"], done["heard"]) == (True, [], [other])
    until(lambda: state_of(host, other) == "apart")


def test_a_host_that_is_detached_stays_so_with_the_cable_in_until_it_rejoins(two: Two) -> None:
    desk, nas, roots = two
    detached(nas, "desk")
    assert state_of(desk, "nas") == "detached"
    assert desk.node.neighbours.connected() == nas.node.neighbours.connected() == []
    (roots["nas"] / "up").write_text("nas")
    (roots["desk"] / "down").write_text("desk")
    plan = last(nas, "rejoin", dry_run=True)["plan"]
    [tree] = plan["trees"]
    assert (tree["with"], tree["up"]["changed"], tree["clashes"]) == ("desk", 1, [])
    assert not (roots["desk"] / "up").exists()
    assert not (roots["nas"] / "down").exists()
    assert state_of(desk, "nas") == "detached"
    done = last(nas, "rejoin")
    assert (done["rejoined"], done["missing"]) == (True, [])
    assert (roots["desk"] / "up").read_text() == "nas"
    assert (roots["nas"] / "down").read_text() == "desk"
    assert nas.node.detaching.away is None
    until(lambda: desk.node.neighbours.connected() == ["nas"])
    until(lambda: desk.node.knowing.view.fact("away", "nas", "away") is None)


def test_to_detach_twice_is_to_be_detached(two: Two) -> None:
    _, nas, _ = two
    detached(nas, "desk")
    again = last(nas, "detach")
    assert (again["detached"], again["already"], again["missing"]) == (True, True, [])


def test_the_main_store_goes_to_whoever_has_all_of_the_tree(two: Two) -> None:
    desk, nas, _ = two
    done = last(desk, "detach")
    assert done["main_stores"] == {"src": "nas"}
    assert nas.client.item("tree_list")["trees"][0]["main"] == "nas"


def test_what_is_halted_or_paused_is_missing_and_keeps_the_host_unless_told(two: Two) -> None:
    _, nas, _ = two
    nas.client.item("tree_pause", name="src", paused=True)
    done = last(nas, "detach")
    assert (done["detached"], nas.node.detaching.away) == (False, None)
    [missing] = done["missing"]
    assert "simulacra tree resume src" in missing
    anyway = last(nas, "detach", anyway=True)
    assert (anyway["detached"], anyway["missing"]) == (True, [missing])


def test_a_tree_that_is_not_here_cannot_be_taken_along(two: Two) -> None:
    _, nas, _ = two
    with pytest.raises(GatewayError, match="no copy of films") as caught:
        last(nas, "detach", trees=["films"])
    assert caught.value.code is ErrorCode.NOT_FOUND
    assert nas.node.detaching.away is None


def test_only_one_at_a_time_detaches_or_rejoins(two: Two) -> None:
    _, nas, _ = two
    with nas.node.detaching.changing, pytest.raises(GatewayError, match="already"):
        last(nas, "detach")


def test_rejoining_without_having_detached_waits_until_all_is_in_step(two: Two) -> None:
    _, nas, roots = two
    (roots["nas"] / "new").write_text("nas")
    done = last(nas, "rejoin")
    assert done["rejoined"]
    assert (roots["desk"] / "new").read_text() == "nas"


def test_a_history_that_waits_is_noted_by_who_goes_and_who_comes_back(two: Two) -> None:
    _, nas, roots = two
    subprocess.run(["git", "init", "-q", roots["nas"] / "project"], check=True)
    (roots["nas"] / "project/.git/rebase-merge").mkdir()  # as git has one while it rebases
    until(lambda: nas.client.item("tree_status", name="src")["copies"][0]["skipped"])
    [note] = last(nas, "detach")["notes"]
    assert note.startswith("src: the history of project/.git waits: a rebase is under way")
    assert last(nas, "rejoin")["notes"] == [note]


def test_a_rejoin_that_was_begun_goes_on_with_what_was_foretold(two: Two) -> None:
    _, nas, roots = two
    detached(nas, "desk")
    (roots["nas"] / "up").write_text("nas")
    plan = last(nas, "rejoin", dry_run=True)["plan"]
    nas.node.detaching.come_back(plan)  # and the client went away
    items = list(nas.client.items("rejoin", timeout=60.0))
    assert (items[0]["goes_on"], items[0]["plan"]) == (True, plan)
    assert items[-1]["trees"][0]["up"]["changed"] == 1
    assert (roots["desk"] / "up").exists()
