"""What computations need of other hosts, and whether a tree brings it here."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.pinning import Copy, Lies, Need, needs

COPIES = (
    Copy("1", "src", "nas", "/srv/src"),
    Copy("2", "docs", "nas", "/srv/src/docs"),
    Copy("3", "photos", "nas", "/srv/photos"),
    Copy("1", "src", "laptop", "/home/src"),
)
SRC = Definition("1", "src", "/home/src")
PHOTOS = Definition("3", "photos", "/home/photos", exclude=("raw/",))


def need(path: str, *definitions: Definition) -> Need:
    [found] = needs("laptop", [("sums", path)], COPIES, definitions)
    return found


def test_a_path_in_a_tree_that_is_followed_here_is_here() -> None:
    found = need("nas:/srv/src/a/b.c", SRC)
    assert (found.lies, found.tree, found.local) == (Lies.FOLLOWED, "src", "/home/src/a/b.c")
    assert need("nas:/srv/src", SRC).local == "/home/src"
    assert need("nas:/srv/src/../src/x", SRC).local == "/home/src/x"
    assert found.problem == ""


def test_a_path_of_this_host_is_here() -> None:
    for path in ("laptop:/etc/hosts", "/etc/hosts", "notes/a:b"):
        assert (need(path).lies, need(path).problem) == (Lies.HERE, "")


def test_what_is_not_here_is_said_in_words() -> None:
    assert "tree follow photos PATH" in need("nas:/srv/photos/a.jpg").problem
    assert need("nas:/srv/photos/a.jpg").lies is Lies.ELSEWHERE
    left_out = need("nas:/srv/photos/raw/a.raw", PHOTOS)
    assert (left_out.lies, "leaves out" in left_out.problem) == (Lies.UNWANTED, True)
    nowhere = need("nas:/srv/sources/x", SRC)
    assert nowhere.lies is Lies.NOWHERE
    assert "tree add NAME /srv/sources on nas" in nowhere.problem
    assert need("desk:/srv/src/x", SRC).lies is Lies.NOWHERE


def test_the_innermost_tree_counts() -> None:
    assert need("nas:/srv/src/docs/a", SRC).tree == "docs"


def test_each_thing_is_needed_once() -> None:
    twice = [("b", "/x"), ("a", "/x"), ("b", "/x")]
    assert [each.who for each in needs("laptop", twice, COPIES, [])] == ["a", "b"]


paths = st.lists(st.sampled_from(["srv", "src", "docs", "..", ".", "raw", "photos", "x"])).map(
    lambda names: "/" + "/".join(names)
)


@given(paths)
def test_what_is_followed_lies_below_the_root_here(path: str) -> None:
    for definition in (SRC, PHOTOS):
        local = need(f"nas:{path}", definition).local
        assert local in ("", definition.root) or local.startswith(definition.root + "/")
