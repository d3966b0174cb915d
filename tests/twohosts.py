"""Two hosts of one network for tests, in this process: ``desk`` founded it, ``nas`` is in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simulacra.actors.cluster.enrolling import Enrolling
from simulacra.actors.settings import Paths
from tests.onehost import Host, one_host, until


@contextmanager
def two_hosts(folder: Path) -> Iterator[tuple[Host, Host]]:
    """The hosts, connected; at the end nothing of them is left."""
    first, second = folder / "desk", folder / "nas"
    enrolling(first, "desk").found("home")
    with one_host(first) as desk:
        door = desk.node.enrolment.door
        assert door is not None
        token = enrolling(first, "desk").invite("inside", 60).text()
        enrolling(second, "nas").join(token, [door])
        nas = Host(second, "nas")
        try:
            until(lambda: desk.node.connected() == ["nas"] and nas.node.connected() == ["desk"])
            yield desk, nas
        finally:
            nas.node.close()


def enrolling(home: Path, name: str) -> Enrolling:
    return Enrolling(Paths.find({"SIMULACRA_HOME": str(home)}), name)
