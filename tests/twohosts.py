"""Two hosts of one network for tests, in this process: ``desk`` founded it, ``nas`` is in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulacra.actors.cluster.enrolling import Enrolling
from simulacra.actors.settings import Paths
from tests.onehost import Host, one_host, until


@contextmanager
def two_hosts(folder: Path, **settings: Any) -> Iterator[tuple[Host, Host]]:
    """The hosts, connected, `nas` with these settings; at the end nothing of them is left."""
    first, second = folder / "desk", folder / "nas"
    enrolling(first, "desk").found("home")
    with one_host(first) as desk:
        door = desk.node.enrolment.door
        assert door is not None
        token = enrolling(first, "desk").invite("inside", 60).text()
        enrolling(second, "nas").join(token, [door])
        nas = Host(second, "nas", **settings)
        try:
            near = desk.node.neighbours, nas.node.neighbours
            until(lambda: [each.connected() for each in near] == [["nas"], ["desk"]])
            yield desk, nas
        finally:
            nas.node.close()


@contextmanager
def followed(folder: Path, **settings: Any) -> Iterator[tuple[Host, Host, dict[str, Path]]]:
    """A tree of ``desk`` that ``nas`` follows, in step."""
    roots = {name: folder / f"{name}-src" for name in ("desk", "nas")}
    roots["desk"].mkdir()
    (roots["desk"] / "first").write_text("1")
    with two_hosts(folder, **settings) as (desk, nas):
        desk.client.item("tree_add", name="src", path=str(roots["desk"]))
        until(lambda: nas.client.item("tree_list")["trees"])
        nas.client.item("tree_follow", name="src", path=str(roots["nas"]))
        until((roots["nas"] / "first").exists)
        until(lambda: len(desk.client.item("tree_list")["trees"][0]["hosts"]) == len(roots))
        yield desk, nas, roots


def enrolling(home: Path, name: str) -> Enrolling:
    return Enrolling(Paths.find({"SIMULACRA_HOME": str(home)}), name)
