"""What is a repository in a tree, and what is held with its reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from simulacra.actors.data.git.repository import Held, find, is_bare, is_repository
from simulacra.actors.data.git.sync import describe, refresh
from tests.actors.data.git.clones import Clone, new_clone, two


def test_what_a_repository_is(tmp_path: Path) -> None:
    clone = new_clone("desk", tmp_path)
    clone.git("init", "-q", "--bare", "../bare.git")
    bare = clone.root / "bare.git"
    assert [is_repository(one) for one in (clone.place, bare, clone.root)] == [True, True, False]
    assert (is_bare(clone.place), is_bare(bare)) == (False, True)
    assert find(clone.root, bare).bare
    assert find(clone.root, clone.place).leads == ".git"


@pytest.mark.parametrize("where", ["out", "in"])
def test_a_git_folder_that_is_a_link_is_held(tmp_path: Path, where: str) -> None:
    clone = new_clone("desk", tmp_path)
    target = (tmp_path if where == "out" else clone.root) / "elsewhere"
    shutil.move(clone.place / ".git", target)
    (clone.place / ".git").symlink_to(target)
    with pytest.raises(Held, match="is a link"):
        find(clone.root, clone.place)


def test_a_git_file_that_leads_out_of_the_tree_is_held(tmp_path: Path) -> None:
    clone = new_clone("desk", tmp_path)
    shutil.move(clone.place / ".git", tmp_path / "elsewhere")
    (clone.place / ".git").write_text("gitdir: ../../elsewhere\n")
    with pytest.raises(Held, match="out of the tree"):
        find(clone.root, clone.place)


@pytest.mark.parametrize("part", ["objects", "refs"])
def test_a_git_folder_that_shares_its_parts_is_held(tmp_path: Path, part: str) -> None:
    clone = new_clone("desk", tmp_path)
    shutil.move(clone.place / ".git" / part, tmp_path / part)
    (clone.place / ".git" / part).symlink_to(tmp_path / part)
    with pytest.raises(Held, match="not its own"):
        find(clone.root, clone.place)


def test_a_linked_worktree_is_held_and_its_branch_is_let_alone(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.git("worktree", "add", "-q", "-b", "topic", "../linked")
    with pytest.raises(Held, match="linked worktree"):
        find(desk.root, desk.root / "linked")
    lap.sync(desk)
    lap.git("switch", "-q", "topic")
    lap.commit()
    held = desk.take(lap).held
    assert "refs/heads/topic is checked out in a linked worktree" in held


def conflicting(clone: Clone) -> None:
    clone.commit("file", "base\n")
    clone.git("switch", "-q", "-c", "topic")
    clone.commit("file", "topic\n")
    clone.git("switch", "-q", "main")
    clone.commit("file", "main\n")


@pytest.mark.parametrize(
    ("command", "reason", "end"),
    [
        (("merge", "topic"), "merge is under way", ("merge", "--abort")),
        (("rebase", "topic"), "rebase is under way", ("rebase", "--abort")),
        (("cherry-pick", "topic"), "cherry-pick is under way", ("cherry-pick", "--abort")),
        (("revert", "topic~0"), "revert is under way", ("revert", "--abort")),
        (("bisect", "start"), "bisect is under way", ("bisect", "reset")),
    ],
)
def test_what_is_under_way_is_held_on_both_sides_until_it_ends(
    tmp_path: Path, command: tuple[str, ...], reason: str, end: tuple[str, ...]
) -> None:
    desk, lap = two(tmp_path)
    conflicting(desk)
    lap.sync(desk)
    desk.git(*command, fine=(0, 1))
    commit = lap.commit("other")
    before = desk.at("HEAD")
    for outcome in (desk.take(lap), lap.take(desk)):
        assert reason in outcome.held
    assert (desk.at("HEAD"), lap.at("main")) == (before, commit)
    desk.git(*end)
    desk.sync(lap)
    assert desk.at("main") == commit


def test_conflicts_of_a_stash_that_was_applied_are_held(tmp_path: Path) -> None:
    desk, _ = two(tmp_path)
    desk.write("file", "stashed\n")
    desk.git("stash", "-q")
    desk.commit("file", "else\n")
    desk.git("stash", "pop", fine=(1,))
    assert "file has conflicts" in desk.describe().held


@pytest.mark.parametrize("lock", ["index.lock", "HEAD.lock", "packed-refs.lock"])
def test_a_lock_of_git_is_held_and_never_removed(tmp_path: Path, lock: str) -> None:
    desk, lap = two(tmp_path)
    path = desk.place / ".git" / lock
    path.touch()
    assert f"rm {path}" in desk.take(lap).held
    with pytest.raises(Held):
        refresh(desk.repository)
    assert path.exists()


def objects(clone: Clone) -> list[Path]:
    return [one for one in (clone.place / ".git" / "objects").glob("??/*") if one.is_file()]


def test_a_ref_to_what_is_not_there_is_damage_and_does_not_spread(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    commit = desk.commit()
    path = desk.place / ".git" / "objects" / commit[:2] / commit[2:]
    path.unlink()
    assert "damaged" in desk.describe().held
    assert "damaged" in lap.take(desk).held
    assert lap.at("main") != commit


def test_a_ref_cut_off_by_a_power_cut_is_damage_not_a_deletion(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.git("branch", "topic")
    lap.sync(desk)
    (desk.place / ".git" / "refs" / "heads" / "topic").write_bytes(b"")
    assert "broken ref" in lap.take(desk).held
    assert lap.at("topic") != ""


def test_objects_that_are_damaged_are_never_spread(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    before = lap.at("main")
    known = set(objects(desk))
    desk.commit("big", "text\n" * 1000)
    blob = desk.at("HEAD:big")
    path = desk.place / ".git" / "objects" / blob[:2] / blob[2:]
    assert path in set(objects(desk)) - known
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(Held, match="pack-objects"):
        lap.take(desk)
    assert lap.at("main") == before
    assert lap.git("fsck") == ""


def test_a_damaged_index_and_head_are_held(tmp_path: Path) -> None:
    desk, _ = two(tmp_path)
    index = desk.place / ".git" / "index"
    kept = index.read_bytes()
    index.write_bytes(kept[: len(kept) // 2])
    assert "index" in desk.describe().held
    index.write_bytes(kept)
    assert desk.describe().held == ""
    (desk.place / ".git" / "HEAD").write_bytes(b"\0\0\0")
    assert desk.describe().held != ""
    (desk.place / ".git" / "HEAD").unlink()
    with pytest.raises(Held, match="damaged"):
        find(desk.root, desk.place)


def test_a_partial_clone_is_held(tmp_path: Path) -> None:
    desk = new_clone("desk", tmp_path)
    desk.git("config", "extensions.partialClone", "origin")
    assert "partial clone" in desk.describe().held


def test_alternates_are_read_and_not_needed_elsewhere(tmp_path: Path) -> None:
    desk, _ = two(tmp_path)
    desk.git("clone", "-q", "--shared", str(desk.place), str(desk.root / "shared"))
    shared = Clone("desk", desk.root / "shared")
    shared.commit("more")
    copy = shared.copy_to("nas", tmp_path / "nas" / "shared")
    assert not (copy.place / ".git" / "objects" / "info" / "alternates").exists()
    assert copy.git("fsck") == ""
    shutil.move(desk.place, desk.root / "moved")
    assert describe(shared.repository, "desk", 1).held != ""
