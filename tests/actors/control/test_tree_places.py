from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from simulacra.actors.compute.mounts import Lying, Mount
from simulacra.actors.compute.whereabouts import directory
from simulacra.actors.control.places import InTree
from simulacra.actors.control.tree_places import TreePlaces
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.runtime import AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

COPIES = {
    "nas": {"path": "/srv/src", "complete": True},
    "desk": {"path": "/home/me/src", "complete": True},
    "phone": {"path": "/sd/src", "complete": False},
    "away": {"path": "/src", "complete": True},
    "laptop": {"path": "/none", "complete": True},
}


def places(*roots: Path, error: Exception | None = None) -> TreePlaces:
    """Those of a laptop with trees at these roots, named like them."""

    def ask(message: object, timeout: float) -> list[Definition]:
        if error is not None:
            raise error
        return [Definition(f"id-{root.name}", root.name, str(root)) for root in roots]

    def find(kind: str, name: str) -> list[Any]:
        assert kind == "copy"
        return [
            SimpleNamespace(key=SimpleNamespace(subject=host), value=value)
            for host, value in COPIES.items()
        ]

    node = SimpleNamespace(
        settings=SimpleNamespace(name="laptop"),
        system=SimpleNamespace(ref=lambda _: SimpleNamespace(ask=ask)),
        neighbours=SimpleNamespace(
            inside=lambda: ["desk", "nas", "phone"],
        ),
        knowing=SimpleNamespace(
            view=SimpleNamespace(find=find),
            holders=lambda tree: ["nas", "away", "desk", "laptop", "phone"],
        ),
    )
    return TreePlaces(cast("Node", node))


def at(path: Path) -> Lying:
    lying = directory(str(path))
    assert lying is not None
    return lying


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src/a b").mkdir(parents=True)
    return tmp_path / "src"


def test_every_complete_copy_in_reach_is_a_place_this_hosts_first_then_the_main_store(
    root: Path,
) -> None:
    found = places(root).find(at(root / "a b"))
    assert [(each.host, each.path) for each in found] == [
        ("laptop", str(root / "a b")),
        ("nas", "/srv/src/a b"),
        ("desk", "/home/me/src/a b"),
    ]
    assert {each.tree for each in found} == {InTree("id-src", "src", "a b")}
    assert {each.proof for each in found} == {None}


def test_the_root_itself_is_in_it(root: Path) -> None:
    assert [each.path for each in places(root).find(at(root))][1:] == ["/srv/src", "/home/me/src"]


def test_what_lies_beside_or_above_is_in_none(root: Path) -> None:
    beside = root.with_name("src2")
    beside.mkdir()
    assert places(root).find(at(beside)) == ()
    assert places(root).find(at(root.parent)) == ()
    assert places().find(at(root)) == ()


def test_links_lead_to_the_same(root: Path) -> None:
    link = root.with_name("link")
    link.symlink_to(root / "a b")
    assert places(root).find(at(link)) == places(root).find(at(root / "a b"))
    # Also where the tree was defined by one.
    assert [each.path for each in places(link).find(at(root / "a b"))][1] == "/srv/src"


def test_a_bind_is_the_same_and_what_covers_a_part_is_not(root: Path) -> None:
    here = at(root / "a b")
    mount = here.mount
    bound = Mount(99, here.inner, "/mnt/x", mount.fstype, mount.source, (), mount.device)
    found = places(root).find(Lying("/mnt/x/c", bound))
    assert [each.path for each in found] == ["/mnt/x/c", "/srv/src/a b/c", "/home/me/src/a b/c"]
    for over in (
        Mount(99, "/else", here.path, mount.fstype, mount.source, (), mount.device),
        Mount(99, here.inner, here.path, mount.fstype, mount.source, (), "0:0"),
        Mount(99, "/", here.path, "fuse.sshfs", "nas:src", (), "0:99"),
    ):
        assert places(root).find(Lying(here.path, over)) == ()


def test_a_root_that_is_gone_is_no_tree(root: Path) -> None:
    lying = at(root)
    (root / "a b").rmdir()
    root.rmdir()
    assert places(root).find(lying) == ()


def test_trees_that_do_not_answer_are_none(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert places(root, error=AskTimeoutError("late")).find(at(root)) == ()
    assert "is not known" in caplog.text
