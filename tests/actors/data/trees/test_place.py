"""Where things of a tree are: all in the state's folder, but for versions on another disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulacra.actors.data.entries import VERSIONS
from simulacra.actors.data.trees.place import Place
from tests.disks import small_disk


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for name in ("root", "state"):
        (tmp_path / name).mkdir()
    return Place("desk", tmp_path / "root", tmp_path / "state")


def test_all_is_beside_the_tree_and_nothing_twice(place: Place) -> None:
    paths = [
        place.journal, place.index, place.membership, place.acknowledged, place.partly,
        place.permits, place.repositories, place.versions, place.bases, place.partial,
    ]  # fmt: skip
    assert len(set(paths)) == len(paths)
    assert {path.parent for path in paths} == {place.state}
    assert place.catalogue.parent == place.versions


def test_versions_are_on_the_disk_of_the_tree_and_their_list_with_the_state(
    place: Place, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        apart = Place("desk", disk, place.state)
        assert apart.versions == disk / os.fsdecode(VERSIONS)
        assert apart.catalogue.parent == place.state
        assert apart.journal == place.journal


def test_without_a_root_nobody_knows_where_versions_are(place: Place) -> None:
    place.root.rmdir()
    with pytest.raises(FileNotFoundError):
        _ = place.versions
    assert place.journal.parent == place.state
