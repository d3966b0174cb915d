"""Copies are not given up while they have what no other host has: purely, and with real nodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import pytest

from simulacra.actors.cluster.facts import Key
from simulacra.actors.control import giving_up
from simulacra.actors.control.giving_up import Doubt, GivingUp, Wait, doubt
from simulacra.actors.control.standings import Standings
from simulacra.actors.data.trees.only_here import OnlyHere
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from tests.onehost import Host, until
from tests.twohosts import followed

pytestmark = pytest.mark.timeout(300)  # real nodes, several questions each, and busy machines
NOTHING = OnlyHere(["desk"], is_nothing=True, scans=2)


def standing(**other: Any) -> dict[str, Any]:
    """A copy that was looked at, and has nothing to do."""
    return {"state": "idle", "reason": "", "left": {}, "scans": 2, **other}


def doubted(only_here: OnlyHere | None = NOTHING, **standings: Any) -> Doubt | None:
    both = {"nas": standing(), "desk": standing(), **standings}
    there = {host: each for host, each in both.items() if each is not None}
    return doubt("src", "nas", 1, there, only_here)


def test_a_copy_of_which_another_has_all_may_go() -> None:
    assert doubted() is None
    assert doubted(desk=None) is None  # what it has acknowledged it has, also while it is off


def test_what_is_not_known_is_not_waited_for() -> None:
    away = doubted(nas=None)
    assert away is not None
    assert (away.wait, "nas has a copy of src and is out of reach" in away.why) == (
        Wait.FINAL,
        True,
    )
    paused = doubted(nas=standing(state="paused"))
    assert paused == (
        Wait.FINAL,
        "src is paused on nas: what was edited meanwhile is not known",
    )
    halted = doubted(nas=standing(state="halted", reason="half of it is gone"))
    assert halted == (Wait.FINAL, "src is halted on nas: half of it is gone")
    assert doubted(OnlyHere()) == (Wait.FINAL, "no host but nas has a copy of src")


def test_what_is_at_work_is_waited_for_and_what_is_silent_a_moment() -> None:
    looked_at = Doubt(Wait.BUSY, "src on nas is still being looked at")
    for state in ("scanning", "idle"):
        assert doubted(nas=standing(state=state, scans=1)) == looked_at
    assert doubted(replace(NOTHING, scans=0)) == looked_at
    assert doubted(nas=standing(scans=3)) == looked_at  # once more, since
    full = doubted(nas=standing(state="waiting", reason="no space left"))
    assert full == (Wait.SOON, "src on nas: no space left")
    assert doubted(None) == (Wait.SOON, "src on nas does not answer")


@pytest.mark.parametrize(
    ("count", "paths", "said"),
    [
        (1, [b"a"], "1 change is (a) of src on nas alone"),
        (2, [b"a", b"caf\xe9"], "2 changes are (a, caf\\xe9) of src on nas alone"),
        (9, [b"a", b"b", b"c"], "9 changes are (a, b, c, and 6 more) of src on nas alone"),
    ],
)
def test_what_is_there_alone_is_said(count: int, paths: list[bytes], said: str) -> None:
    assert doubted(OnlyHere(["desk"], False, count, paths, 2)) == (Wait.SOON, said)


@pytest.mark.parametrize(
    ("desk", "why"),
    [
        (None, ": desk is out of reach"),
        (standing(state="paused"), ": desk is paused"),
        (standing(state="waiting", reason="no space left"), ": desk is waiting: no space left"),
        (standing(left={"a": "it is open", "b": "x"}), ": desk cannot have a: it is open"),
        (standing(), ""),
    ],
)
def test_why_others_have_it_not_is_said(desk: dict[str, Any] | None, why: str) -> None:
    found = doubted(OnlyHere(["desk"], False, 1, [b"a"], 2), desk=desk)
    assert found == (Wait.SOON, f"1 change is (a) of src on nas alone{why}")


def repositories(**other: Any) -> dict[str, Any]:
    return standing(
        repositories={
            "scans": 2, "digest": "77", "count": 1, "heard": {"nas": "77"}, "held": {}, **other,
        }
    )  # fmt: skip


def test_git_repositories_are_to_be_seen_to_by_another() -> None:
    mine = repositories()
    assert doubted(nas=mine, desk=mine) is None
    assert doubted(nas=repositories(count=0), desk=None) is None
    why = "no other host has all of the git repositories of src on nas"
    assert doubted(nas=mine, desk=repositories(heard={})) == (Wait.SOON, why)
    assert doubted(nas=mine, desk=None) == (Wait.SOON, f"{why}: desk is out of reach")
    early = doubted(nas=repositories(scans=1), desk=mine)
    assert early is not None
    assert early.wait is Wait.BUSY
    held = doubted(nas=repositories(held={"lib/.git": "a rebase is under way"}), desk=mine)
    assert held == (
        Wait.SOON,
        "lib/.git of src on nas cannot be brought: a rebase is under way",
    )


def test_a_copy_that_is_halted_is_said_to_be_while_it_tries_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    halted = standing(state="halted", reason="its root is not there", scans=1)
    said = iter([halted, halted])
    opening = standing(state="opening", scans=1)  # as it was told to look

    def stand(_self: Standings, _tree: str, hosts: Iterable[str]) -> dict[str, Any]:
        return {host: next(said, opening) for host in hosts}

    monkeypatch.setattr(Standings, "of_all", stand)
    fact = cast("Any", SimpleNamespace(key=Key("tree", "77", "src")))
    node = call = MagicMock()
    with pytest.raises(GatewayError, match="src is halted on nas: its root is not there"):
        GivingUp(node).check(call, fact, ["nas"], "simulacra leave --force")


# -- real nodes


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is to be refused anyhow."""
    monkeypatch.setattr(giving_up, "_PATIENCE", 0.2)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what was edited is to come, however slow the machine is."""
    monkeypatch.setattr(giving_up, "_PATIENCE", 60.0)


def refused(host: Host, verb: str, **args: Any) -> GatewayError:
    with pytest.raises(GatewayError) as error:
        host.client.item(verb, timeout=120, **args)
    return error.value


def hosts(host: Host) -> list[str]:
    [tree] = host.client.item("tree_list")["trees"]
    return sorted(tree["hosts"])


def states(host: Host) -> list[str]:
    copies = host.client.item("tree_status", name="src", timeout=120)["copies"]
    return [each["state"] for each in copies]


@pytest.mark.usefixtures("impatient")
def test_a_copy_with_an_edit_of_its_own_is_given_up_only_by_force(tmp_path: Path) -> None:
    with followed(tmp_path) as (desk, nas, roots):
        desk.client.item("tree_pause", name="src", paused=True)
        until(lambda: "paused" in states(desk))
        (roots["nas"] / "mine").write_text("mine")
        for verb, args in (("tree_unfollow", {"name": "src"}), ("tree_leave", {})):
            error = refused(nas, verb, **args)
            assert error.code is ErrorCode.FAILED
            assert error.message == "1 change is (mine) of src on nas alone: desk is paused"
        again = "or leave it where it is, and go on: simulacra tree unfollow src --force"
        assert refused(nas, "tree_unfollow", name="src").hint.endswith(again)
        error = refused(desk, "tree_remove", name="src")
        assert "src is paused on desk" in error.message
        assert hosts(nas) == ["desk", "nas"]
        nas.client.item("tree_unfollow", name="src", force=True)
        assert (roots["nas"] / "mine").read_text() == "mine"
        until(lambda: hosts(desk) == ["desk"])
        desk.client.item("tree_remove", name="src")  # nobody else is to have it
        assert desk.client.item("tree_list")["trees"] == []


def test_a_halted_copy_says_why_it_is(tmp_path: Path) -> None:
    with followed(tmp_path) as (desk, nas, roots):
        roots["nas"].rename(tmp_path / "moved")
        error = refused(nas, "tree_sync", name="src")
        assert "simulacra tree resume src --sure" in error.hint
        copies = desk.client.item("tree_sync", name="src", timeout=120)["copies"]
        assert {each["state"] for each in copies} == {"idle", "halted"}  # it is not waited for
        error = refused(nas, "tree_unfollow", name="src")
        assert error.message.startswith(f"src is halted on nas: {roots['nas']} is not there")
        nas.client.item("tree_unfollow", name="src", force=True)


@pytest.mark.usefixtures("patient")
def test_a_copy_is_given_up_once_another_has_what_was_edited_last(tmp_path: Path) -> None:
    with followed(tmp_path) as (desk, nas, roots):
        (roots["nas"] / "mine").write_text("mine")
        assert nas.client.item("tree_leave", timeout=120) == {"trees": ["src"], "main_stores": {}}
        assert (roots["desk"] / "mine").read_text() == "mine"
        nas.client.item("tree_unfollow", name="src", timeout=120)
        until(lambda: hosts(desk) == ["desk"])


@pytest.mark.usefixtures("patient")
def test_who_leaves_hands_over_what_it_is_the_main_store_of(tmp_path: Path) -> None:
    with followed(tmp_path) as (desk, nas, _):
        nas.client.item("tree_choose", name="src", largest=1000)
        until(lambda: not desk.node.knowing.view.find("copy", subject="nas")[0].value["complete"])
        error = refused(desk, "tree_leave")
        assert error.message.startswith("the main store of src stays here: nobody in reach has a")
        assert error.hint == "or go on without: simulacra leave --force"
        nas.client.item("tree_choose", name="src")
        until(lambda: desk.node.knowing.view.find("copy", subject="nas")[0].value["complete"])
        left = desk.client.item("tree_leave", timeout=120)
        assert left == {"trees": ["src"], "main_stores": {"src": "nas"}}
        [tree] = nas.client.item("tree_list")["trees"]
        assert tree["main"] == "nas"
        assert nas.client.item("tree_focus", name="src")["why"] == "desk leaves"


@pytest.mark.usefixtures("impatient")
def test_a_tree_is_removed_only_by_force_while_a_copy_is_out_of_reach(tmp_path: Path) -> None:
    with followed(tmp_path) as (desk, nas, _):
        desk.client.item("tree_sync", name="src", timeout=120)
        nas.node.close()
        until(lambda: desk.node.neighbours.connected() == [])
        error = refused(desk, "tree_remove", name="src")
        assert error.message.startswith("nas has a copy of src and is out of reach")
        assert "simulacra tree remove src --force" in error.hint
        desk.client.item("tree_remove", name="src", force=True)
        assert desk.client.item("tree_list")["trees"] == []
