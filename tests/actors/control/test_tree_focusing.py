"""Moving a tree's main store between real nodes, while its files are edited."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Self

import pytest

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from tests.onehost import Host, until
from tests.twohosts import followed


def seat(host: Host) -> tuple[str, int]:
    found: dict[str, Any] = host.client.item("tree_focus", name="src")
    return found["host"], found["epoch"]


class Editing:
    """Somebody who writes, renames and deletes in a folder all the time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stopping = threading.Event()
        self.expected: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        n = 0
        while not self._stopping.wait(0.005):
            n += 1
            at = self._root / f"{self._root.name}-{n % 40}"
            if n % 7 == 0 and at.exists():
                at.unlink()
                self.expected.pop(at.name, None)
            else:
                at.write_text(str(n))
                self.expected[at.name] = str(n)


def files(root: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in root.iterdir() if each.is_file()}


def test_it_moves_there_and_back_under_edits_of_both_sides_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    with followed(tmp_path) as (desk, nas, roots):
        assert seat(nas) == ("desk", 1)
        with Editing(roots["desk"]) as here, Editing(roots["nas"]) as there:
            moved = nas.client.item("tree_focus", name="src", host="nas", why="trial", timeout=60)
            assert (moved["host"], moved["epoch"], moved["why"]) == ("nas", 2, "trial")
            assert moved["before"] == [[1, "desk"]]
            until(lambda: seat(desk) == ("nas", 2))
            tree = tree_id(desk)
            assert nas.node.leading(tree)
            assert not desk.node.leading(tree)
            desk.client.item("tree_focus", name="src", host="desk", timeout=60)
        assert seat(desk) == ("desk", 3)
        expected = {"first": "1"} | here.expected | there.expected
        desk.client.item("tree_sync", name="src", timeout=60)
        until(lambda: files(roots["desk"]) == files(roots["nas"]) == expected)


def tree_id(host: Host) -> str:
    return str(host.client.item("tree_list")["trees"][0]["id"])


def test_it_is_not_taken_from_a_main_store_in_reach_nor_given_to_whom_has_no_copy(
    tmp_path: Path,
) -> None:
    with followed(tmp_path) as (desk, nas, _):
        for host in (desk, nas):
            with pytest.raises(GatewayError, match="in reach, and can hand it over"):
                host.client.item("tree_focus", name="src", host="nas", force=True)
        with pytest.raises(GatewayError, match="hall has no copy of src; there are copies on desk"):
            desk.client.item("tree_focus", name="src", host="hall")
        nas.client.item("tree_pause", name="src", paused=True)
        with pytest.raises(GatewayError, match="stays where it is: it is paused on nas"):
            desk.client.item("tree_focus", name="src", host="nas")
        assert desk.node.leading(tree_id(desk))
        assert seat(desk) == seat(nas) == ("desk", 1)


def test_a_lost_main_store_is_replaced_and_follows_when_it_is_back(tmp_path: Path) -> None:
    with followed(tmp_path) as (desk, nas, roots):
        tree = tree_id(desk)
        desk.client.item("tree_focus", name="src", host="nas")
        nas.node.close()
        (roots["nas"] / "only-there").write_text("late")
        until(lambda: desk.node.neighbours.connected() == [])
        with pytest.raises(GatewayError, match="cannot hand it over") as refused:
            desk.client.item("tree_focus", name="src", host="desk")
        assert refused.value.code is ErrorCode.UNREACHABLE
        assert "simulacra focus src desk --force" in refused.value.hint
        forced = desk.client.item("tree_focus", name="src", host="desk", force=True)
        assert (forced["host"], forced["epoch"]) == ("desk", 3)
        assert desk.node.leading(tree)
        nas.start()
        until(lambda: seat(nas) == ("desk", 3))
        assert not nas.node.leading(tree)
        until((roots["desk"] / "only-there").exists)


def test_who_it_was_handed_to_says_so_when_it_is_back(tmp_path: Path) -> None:
    """Killed between the hand-over and the word of the new main store."""
    with followed(tmp_path) as (desk, nas, _):
        tree = tree_id(desk)
        nas.node.close()
        until(lambda: desk.node.neighbours.connected() == [])
        fact = desk.node.knowing.view.find("tree")[0]
        handed = {**fact.value, "handed": "nas"}
        desk.node.knowing.view.say("tree", tree, "src", handed, epoch=fact.epoch)
        assert not desk.node.leading(tree)
        nas.start()
        until(lambda: seat(desk) == ("nas", 2))
        assert nas.node.leading(tree)


@pytest.mark.parametrize("is_up", [True, False])
def test_the_trees_of_a_host_that_is_to_be_expelled_are_taken_over(
    tmp_path: Path, is_up: bool
) -> None:
    with followed(tmp_path) as (desk, nas, _):
        desk.client.item("tree_focus", name="src", host="nas", timeout=60)
        if not is_up:
            nas.node.close()
            until(lambda: desk.node.neighbours.connected() == [])
        took = desk.client.item("tree_take_over", host="nas", timeout=60)
        assert took == {"moved": {"src": "desk"}, "lost": {}}
        assert seat(desk) == ("desk", 3)


def test_a_tree_of_which_nobody_else_has_all_cannot_be_taken_over(tmp_path: Path) -> None:
    with followed(tmp_path) as (desk, nas, _):
        nas.client.item("tree_choose", name="src", largest=1000)
        until(lambda: not nas.node.knowing.view.find("copy", subject="nas")[0].value["complete"])
        took = nas.client.item("tree_take_over", host="desk", timeout=60)
        assert took == {"moved": {}, "lost": {"src": "no other host in reach has all of it"}}
        none = desk.client.item("tree_take_over", host="pi", timeout=60)
        assert none == {"moved": {}, "lost": {}}
