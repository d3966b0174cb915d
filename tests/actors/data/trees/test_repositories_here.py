"""What is told of the repositories in a tree."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.trees import repositories_here
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.repositories_here import RepositoriesHere
from tests.actors.data.git.clones import Clone
from tests.actors.data.trees.copies import Copies

TWO = [b"a", b"b"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Copies(tmp_path, "desk") as copies:
        for each in TWO:
            clone = clone_at(copies["desk"].place, each.decode())
            clone.git("init", "-q", "-b", "main")
            clone.commit("one")
        yield copies["desk"].place


def clone_at(place: Place, name: str) -> Clone:
    (place.root / name).mkdir(exist_ok=True)
    return Clone("desk", place.root / name, place.root)


def test_who_knows_a_token_is_not_told_again(place: Place) -> None:
    here = RepositoriesHere(place)
    assert here.digest == b""
    here.look(TWO, whole=True)
    told = here.tell({})
    assert here.paths == told.tokens.keys() == told.states.keys() == {*TWO}
    assert here.tell(told.tokens).states == {}
    clone_at(place, "b").commit("two")
    here.look()
    assert here.tell(told.tokens).states.keys() == {b"b"}
    assert here.digest != told.digest


def test_what_is_much_is_told_in_parts(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repositories_here, "MOST_TOLD", 1)
    here = RepositoriesHere(place)
    here.look(TWO, whole=True)
    first = here.tell({})
    assert first.tokens.keys() == {*TWO}
    assert len(first.states) == 1
    known = {path: first.tokens[path] for path in first.states}
    assert here.tell(known).states.keys() == {*TWO} - known.keys()


def test_one_that_is_deleted_is_told_to_be_and_one_that_is_ignored_is_not(place: Place) -> None:
    here = RepositoriesHere(place, lambda path: not path.startswith(b"b/"))
    here.look(TWO[:1], whole=True)
    shutil.rmtree(place.root / "a" / ".git")
    here.look(whole=True)
    told = here.tell({})
    assert told.tokens == {}
    assert told.gone.keys() == {b"a"}


def test_another_root_is_not_believed_before_all_of_it_was_looked_at(place: Place) -> None:
    here = RepositoriesHere(place)
    here.look(TWO, whole=True)
    place.root.rename(place.root.with_name("old"))
    with pytest.raises(FileNotFoundError):
        here.look()
    place.root.mkdir()
    here.look()
    assert here.paths == {*TWO}
    assert here.tell({}).gone == {}
