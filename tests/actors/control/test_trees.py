"""The verbs of trees, with two real nodes."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.control import progress, tree_standing
from simulacra.actors.data.trees import rounds
from simulacra.actors.data.trees.rounds import Rounds
from simulacra.actors.data.trees.sparing import BIG
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from tests.onehost import Host, until
from tests.twohosts import followed


def copy_of(host: Host, where: str) -> dict[str, Any]:
    copies: list[dict[str, Any]] = host.client.item("tree_status", name="src", timeout=60)["copies"]
    return next(each for each in copies if each["host"] == where)


def until_none_is_kept(host: Host, where: str) -> None:
    until(lambda: copy_of(host, where)["tombstones"] == 0)
    assert copy_of(host, where)["unacknowledged"] == []


def test_tombstones_go_when_all_have_heard_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SWEEP", 0.1)
    with followed(tmp_path) as (desk, nas, roots):
        nas.node.close()
        until(lambda: desk.node.neighbours.connected() == [])
        (roots["desk"] / "first").unlink()
        until(lambda: copy_of(desk, "desk")["tombstones"] == 1)
        assert copy_of(desk, "desk")["unacknowledged"] == ["nas"]
        nas.start()
        until(lambda: not (roots["nas"] / "first").exists())
        for host, where in ((desk, "desk"), (nas, "nas")):
            until_none_is_kept(host, where)


def test_an_old_folder_that_is_followed_again_waits_in_quarantine(tmp_path: Path) -> None:
    with followed(tmp_path) as (desk, nas, roots):
        nas.client.item("tree_unfollow", name="src", force=True)
        until(lambda: list(desk.client.item("tree_list")["trees"][0]["hosts"]) == ["desk"])
        (roots["nas"] / "mine").write_text("not known elsewhere")
        nas.client.item("tree_follow", name="src", path=str(roots["nas"]))
        waits = roots["nas"] / ".simulacra-quarantine" / "nas"
        until((waits / "mine").exists)
        until(lambda: copy_of(nas, "nas")["quarantined"] == {str(waits): 1})
        desk.client.item("tree_sync", name="src", timeout=60)
        assert [each.name for each in roots["desk"].iterdir()] == ["first"]


def test_a_copy_of_a_tree_that_was_removed_elsewhere_can_be_given_up(tmp_path: Path) -> None:
    with followed(tmp_path) as (desk, nas, roots):
        desk.client.item("tree_remove", name="src", force=True)
        until(lambda: nas.client.item("tree_list")["trees"] == [])
        left = [{"name": "src", "path": str(roots["nas"])}]
        assert nas.client.item("tree_list")["left_over"] == left
        assert desk.client.item("tree_list")["left_over"] == []
        desk.client.item("tree_add", name="src", path=str(roots["desk"]))
        until(lambda: len(nas.client.item("tree_list")["trees"]) == 1)
        with pytest.raises(GatewayError) as refused:
            nas.client.item("tree_follow", name="src", path=str(roots["nas"]))
        assert "simulacra tree unfollow src" in refused.value.hint
        nas.client.item("tree_unfollow", name="src", force=True)
        nas.client.item("tree_follow", name="src", path=str(roots["nas"]))
        desk.client.item("tree_sync", name="src", timeout=60)


def test_what_is_big_waits_on_a_metered_line_until_it_is_asked_for(tmp_path: Path) -> None:
    with followed(tmp_path, labels=("metered",)) as (_, nas, roots):
        until(lambda: nas.node.knowing.line().metered)
        content = random.Random(1).randbytes(BIG + 1)
        (roots["desk"] / "big").write_bytes(content)
        (roots["desk"] / "small").write_text("small")
        until((roots["nas"] / "small").exists)
        left = until(lambda: copy_of(nas, "nas")["left"])
        assert left["big"].startswith(f"{BIG + 1} bytes of it wait: this line is metered; have it")
        assert not (roots["nas"] / "big").exists()
        done = nas.client.item("tree_sync", name="src", timeout=60)
        [held] = [each["left"] for each in done["copies"] if each["host"] == "nas"]
        assert held.keys() == {"big"}  # it is not waited for, and said
        nas.client.item("tree_sync", name="src", anyway=True, timeout=60)
        until((roots["nas"] / "big").exists)
        assert (roots["nas"] / "big").read_bytes() == content


def test_a_folder_that_cannot_be_a_copy_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    with followed(tmp_path) as (desk, nas, roots):
        file, link = tmp_path / "file", tmp_path / "link"
        file.touch()
        link.symlink_to(roots["desk"])
        for path, said in [
            (file, f"{file} is no folder"),
            (tmp_path / "none", f"there is no folder {tmp_path}/none on desk"),
            (link, f"{link} is, or is in, or has in it, the tree src at {roots['desk']}"),
            (tmp_path, f"{tmp_path} is, or is in, or has in it, the tree src"),
        ]:
            with pytest.raises(GatewayError) as refused:
                desk.client.item("tree_add", name="new", path=str(path))
            assert refused.value.message.startswith(said)
        nas.client.item("tree_unfollow", name="src", force=True)
        [tree] = nas.client.item("tree_list")["trees"]
        assert list(tree["hosts"]) == ["desk"]  # it is said at once
        for inside, said in [(file, "File exists"), (file / "x", "Not a directory")]:
            with pytest.raises(GatewayError, match=f"made at {inside}: {said}") as refused:
                nas.client.item("tree_follow", name="src", path=str(inside))
            assert "simulacra tree follow src PATH" in refused.value.hint
        assert file.read_bytes() == b""


def test_what_a_node_keeps_for_itself_is_in_no_tree(tmp_path: Path) -> None:
    with followed(tmp_path) as (desk, nas, roots):
        nas.client.item("tree_unfollow", name="src", force=True)
        paths = nas.settings.paths
        for root in (nas.home, paths.config, paths.state / "nas"):
            for verb, name in (("tree_add", "own"), ("tree_follow", "src")):
                with pytest.raises(GatewayError, match="what this node keeps for itself") as error:
                    nas.client.item(verb, name=name, path=str(root))
                assert error.value.hint == "choose another folder, as one below it"
        assert [tree["name"] for tree in desk.client.item("tree_list")["trees"]] == ["src"]
        nas.client.item("tree_follow", name="src", path=str(roots["nas"]))


def test_who_waits_for_a_sync_is_told_what_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with followed(tmp_path) as (desk, nas, roots):
        nas.client.item("tree_pause", name="src", paused=True)
        until(lambda: copy_of(nas, "nas")["state"] == "paused")
        with pytest.raises(GatewayError, match="src is paused on nas") as refused:
            nas.client.item("tree_sync", name="src", timeout=60)
        assert refused.value.hint == "go on with it: simulacra tree resume src"
        for paused in (False, True, False):
            nas.client.item("tree_pause", name="src", paused=paused)
        nas.client.item("tree_sync", name="src", timeout=60)  # it may still say that it is paused
        roots["desk"].rename(tmp_path / "away")
        with pytest.raises(GatewayError, match="is not there"):
            desk.client.item("tree_sync", name="src", timeout=60)
        (tmp_path / "away").rename(roots["desk"])
        desk.client.item("tree_sync", name="src", timeout=60)  # what it was before says nothing
        monkeypatch.setattr(Rounds, "round", lambda _: False)
        with pytest.raises(GatewayError, match="src is not in step everywhere yet: desk") as late:
            desk.client.item("tree_sync", name="src", timeout=1)
        assert late.value.code is ErrorCode.TIMED_OUT
        assert late.value.hint.endswith("simulacra tree status src")


def test_who_waits_for_a_sync_is_told_how_far_it_is_if_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with followed(tmp_path) as (desk, _, _roots):
        monkeypatch.setattr(progress, "_SHOW_EVERY", 0.0)
        looks = iter([False])
        monkeypatch.setattr(tree_standing, "_is_in_step", lambda *_: next(looks, True))
        *told, done = desk.client.items("tree_sync", name="src", progress=True, timeout=60)
        verdicts = [each["progress"]["verdict"] for each in told]
        assert {each["progress"]["tree"] for each in told} == {"src"}
        assert (set(verdicts[:-1]), verdicts[-1]) == ({"wait"}, "ready")
        assert told[0]["progress"]["why"].startswith("desk is ")
        assert [each["host"] for each in done["copies"]] == ["desk", "nas"]


def test_a_part_is_chosen_and_all_of_it_again(tmp_path: Path) -> None:
    with followed(tmp_path) as (desk, nas, roots):
        (roots["desk"] / "x.raw").write_text("raw")
        until((roots["nas"] / "x.raw").exists)
        nas.client.item("tree_choose", name="src", exclude=["*.raw"])
        until(lambda: not (roots["nas"] / "x.raw").exists())
        assert (roots["desk"] / "x.raw").read_text() == "raw"
        with pytest.raises(GatewayError, match="nas has only a part of"):
            desk.client.item("tree_focus", name="src", host="nas")
        with pytest.raises(GatewayError, match="desk has the main store of src, which has all"):
            desk.client.item("tree_choose", name="src", largest=10)
        with pytest.raises(GatewayError, match="is no pattern") as refused:
            nas.client.item("tree_choose", name="src", exclude=["\\"])
        assert refused.value.code is ErrorCode.USAGE
        nas.client.item("tree_choose", name="src")
        until((roots["nas"] / "x.raw").exists)
        assert (roots["desk"] / "x.raw").read_text() == "raw"


def test_a_rate_is_kept(tmp_path: Path) -> None:
    with followed(tmp_path) as (_, nas, roots):
        with pytest.raises(GatewayError, match="too slow to follow anything"):
            nas.client.item("tree_limit", name="src", rate=5)
        nas.client.item("tree_limit", name="src", rate=800_000)
        began = time.monotonic()
        for n in range(10):
            (roots["desk"] / f"f{n}").write_bytes(random.Random(n).randbytes(200_000))
            until((roots["nas"] / f"f{n}").exists)
        assert time.monotonic() - began > 1.0
        nas.client.item("tree_limit", name="src")
