"""Git repositories in a tree of two real nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.actors.data.git.clones import Clone
from tests.simulacra.cli.homes import Home, one_network


@pytest.fixture
def network(tmp_path: Path) -> Iterator[tuple[Home, Home]]:
    with one_network(tmp_path, "desk", "lap") as (desk, lap):
        yield desk, lap


def held(home: Home) -> dict[str, str]:
    """What is held of the tree, as each host says it."""
    status = home.client.item("tree_status", name="src")
    copies: list[dict[str, Any]] = status["copies"]
    return {
        f"{copy['host']}:{path}": why for copy in copies for path, why in copy["skipped"].items()
    }


def test_two_nodes_keep_a_repository_in_step(network: tuple[Home, Home], tmp_path: Path) -> None:
    desk, lap = network
    roots = {home.name: tmp_path / home.name / "src" for home in network}
    mine = Clone("desk", roots["desk"] / "project", roots["desk"])
    mine.place.mkdir(parents=True)
    mine.git("init", "-q", "-b", "main")
    mine.commit("deep/file")
    desk.do("tree", "add", "src", str(roots["desk"]))
    lap.until(lambda: lap.run("tree", "follow", "src", str(roots["lap"])).code == 0)
    desk.do("tree", "sync", "src")
    theirs = Clone("lap", roots["lap"] / "project", roots["lap"])
    assert theirs.status() == []
    assert theirs.at("HEAD") == mine.at("HEAD")

    commit = theirs.commit("more")  # Nobody says so: it is seen.
    desk.until(lambda: mine.at("HEAD") == commit and mine.status() == [])
    first, second = mine.git("commit", "-q", "--allow-empty", "-m", "empty"), mine.at("HEAD")
    assert first == ""
    lap.until(lambda: theirs.at("HEAD") == second)

    mine.git("bisect", "start")
    desk.until(lambda: "a bisect is under way" in held(lap).get("desk:project/.git", ""))
    shown = lap.do("tree", "status", "src").stderr
    assert "desk: project/.git: a bisect is under way: git bisect reset ends it" in shown
    theirs.commit("later")
    mine.git("bisect", "reset")
    lap.do("tree", "sync", "src")
    desk.do("tree", "sync", "src")
    assert held(desk) == {}
    for clone in (mine, theirs):
        assert clone.git("fsck", "--strict", "--no-dangling") == ""
        assert clone.status() == []
    assert mine.at("HEAD") == theirs.at("HEAD")

    lap.do("tree", "pause", "src")
    mine.git("commit", "-q", "--allow-empty", "-m", "one")
    theirs.git("commit", "-q", "--allow-empty", "-m", "two")
    lap.do("tree", "resume", "src")
    for home in network:
        home.do("tree", "sync", "src")
    for home in network:
        [branch] = home.client.item("conflicts", tree="src")["branches"]
        assert (branch["path"], branch["name"]) == ("project", "main")
        assert {side["subject"] for side in branch["sides"]} == {"one", "two"}
        printed = home.do("conflicts", "src")
        assert "branch main" in printed.stdout
        assert f"in src:project: {branch['settle']}" in printed.stderr
