"""Repositories that are new on the other side: bare ones, submodules, shallow ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from simulacra.actors.data.git.creating import create
from simulacra.actors.data.git.repository import Held
from tests.actors.data.git.clones import Clone, new_clone, two


def test_a_bare_repository(tmp_path: Path) -> None:
    work, _ = two(tmp_path)
    work.git("clone", "-q", "--bare", ".", "../store.git")
    desk = Clone("desk", work.root / "store.git")
    desk.git("update-ref", "refs/simulacra/_replaced", "-d")
    lap = desk.copy_to("lap", tmp_path / "lap" / "store.git")
    assert lap.git("rev-parse", "--is-bare-repository") == "true"
    work.commit()
    work.git("push", "-q", "../store.git", "main")
    lap.sync(desk)
    assert lap.at("main") == work.at("main")
    assert lap.git("fsck") == ""


def test_a_submodule_with_its_git_folder(tmp_path: Path) -> None:
    library = new_clone("library", tmp_path)
    library.commit("code")
    desk = new_clone("desk", tmp_path)
    desk.commit()
    allow = ("-c", "protocol.file.allow=always")
    desk.git(*allow, "submodule", "add", "-q", str(library.place), "libs/code")
    desk.git("commit", "-q", "-m", "with a library")
    lap = desk.copy_to("lap", tmp_path / "lap" / "project")
    part = Clone("desk", desk.place / "libs" / "code", desk.root)
    copy = part.copy_to("lap", lap.place / "libs" / "code", lap.root)
    lap.files_from(desk)
    assert (copy.place / ".git").read_text() == "gitdir: ../../.git/modules/libs/code\n"
    assert lap.git("submodule", "status") == desk.git("submodule", "status")
    assert lap.status() == copy.status() == []

    commit = copy.commit("more")
    lap.git("commit", "-q", "-a", "-m", "newer library")
    part.sync(copy)
    desk.sync(lap)
    part.files_from(copy)
    desk.files_from(lap)
    assert part.at("HEAD") == commit
    assert desk.status() == part.status() == []
    assert desk.git("submodule", "status").split()[0] == commit


def test_a_shallow_clone_stays_shallow_and_goes_on(tmp_path: Path) -> None:
    origin, _ = two(tmp_path)
    for _ in range(3):
        origin.commit()
    place = tmp_path / "shallow" / "project"
    origin.git("clone", "-q", "--depth=1", origin.place.as_uri(), str(place))
    desk = Clone("shallow", place)
    lap = desk.copy_to("nas", tmp_path / "nas" / "project")
    assert lap.git("rev-parse", "--is-shallow-repository") == "true"
    commit = lap.commit("more")
    desk.sync(lap)
    assert desk.at("main") == commit
    assert desk.git("fsck") == lap.git("fsck") == ""


def test_a_shallow_clone_and_a_whole_one_meet(tmp_path: Path) -> None:
    whole, _ = two(tmp_path)
    old = whole.at("main")
    for _ in range(3):
        whole.commit()
    place = tmp_path / "shallow" / "project"
    whole.git("clone", "-q", "--depth=1", whole.place.as_uri(), str(place))
    shallow = Clone("shallow", place)
    whole.git("branch", "old", old)
    whole.git("branch", "new")
    shallow.commit("more")
    shallow.sync(whole)
    assert shallow.at("old") == old
    assert whole.at("main") == shallow.at("main") != ""
    assert whole.git("fsck") == shallow.git("fsck") == ""
    assert whole.git("rev-parse", "--is-shallow-repository") == "false"


@pytest.mark.parametrize(
    "folder",
    ["../../../out", "../out", ".git/hooks", "../.git/modules/../../../x", "/tmp/x", "src"],
)
def test_a_git_folder_is_made_nowhere_else(tmp_path: Path, folder: str) -> None:
    desk, _ = two(tmp_path)
    root = tmp_path / "nas" / "tree"
    root.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Held):
        create(root, root / "project", None, replace(desk.describe(), folder=folder), "nas")
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_left_of_what_cannot_be_made(tmp_path: Path) -> None:
    desk, _ = two(tmp_path)
    root = tmp_path / "nas"
    root.mkdir()
    with pytest.raises(Held, match="not whole"):
        create(root, root / "project", None, desk.describe(), "nas")
    assert list((root / "project").iterdir()) == []


def test_a_repository_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    with pytest.raises(Held, match="already"):
        create(lap.root, lap.place, None, desk.describe(), "lap")
