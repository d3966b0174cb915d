"""A node as a member of a network: who is let in, who is put out, whatever else goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulacra.actors.cluster.charter import to_plain
from simulacra.actors.cluster.enrolling import Enrolling
from simulacra.actors.cluster.invitations import Role
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.signals import Stop
from simulacra.actors.settings import Paths
from tests.onehost import Host, one_host, until


def enrolling(home: Path, name: str) -> Enrolling:
    return Enrolling(Paths.find({"SIMULACRA_HOME": str(home)}), name)


@contextmanager
def desk_and_nas(folder: Path, role: Role = "inside") -> Iterator[tuple[Host, Host]]:
    """Two hosts of a network, connected: ``desk`` founded it, ``nas`` was let in by it."""
    first, second = folder / "1", folder / "2"
    enrolling(first, "desk").found("home")
    with one_host(first) as desk:
        door = desk.node.enrolment.door
        assert door is not None
        token = enrolling(first, "desk").invite(role, 60).text()
        enrolling(second, "nas").join(token, [door])
        nas = Host(second, "nas")
        try:
            until(lambda: desk.node.neighbours.connected() == ["nas"])
            yield desk, nas
        finally:
            nas.node.close()


def expel(desk: Host, host: str) -> None:
    records = enrolling(desk.home, "desk").expulsions(host, "sold")
    desk.client.item("keep", records=[to_plain(each) for each in records])


@pytest.mark.parametrize("line", ["nas {key}\n", "nas\n"], ids=["listed", "unreadable"])
def test_the_users_own_list_keeps_no_expelled_host(tmp_path: Path, line: str) -> None:
    with desk_and_nas(tmp_path) as (desk, nas):
        desk.settings.paths.members.write_text(line.format(key=nas.node.neighbours.key))
        expel(desk, "nas")
        assert desk.node.neighbours.connected() == []
        assert not desk.node.transport.admits(nas.node.neighbours.key)
        desk.settings.paths.members.write_text(f"nas {nas.node.neighbours.key}\n")
        desk.client.item("keys_changed")
        assert not desk.node.transport.admits(nas.node.neighbours.key)
        desk.node.close()
        desk.start()
        assert not desk.node.transport.admits(nas.node.neighbours.key)


def test_a_host_that_lost_its_key_says_why_nobody_works_with_it(tmp_path: Path) -> None:
    with desk_and_nas(tmp_path) as (desk, nas):
        assert nas.client.item("status")["out"] is None
        nas.node.close()
        key = nas.settings.paths.key("nas")
        kept = key.read_text()
        key.unlink()
        nas.start()
        out = nas.client.item("status")["out"]
        assert out == f"its key is not the one that nas was let in with; was {key} lost?"
        assert desk.client.item("status")["out"] is None
        nas.node.close()
        key.write_text(kept)
        nas.start()
        assert nas.client.item("status")["out"] is None
        until(lambda: desk.node.neighbours.connected() == ["nas"])


def test_a_registrar_that_failed_goes_on(tmp_path: Path) -> None:
    with desk_and_nas(tmp_path) as (desk, nas):
        before = desk.node.system.whereis("registrar")
        assert before is not None
        before.signal(Stop(ExitReason("error")))
        until(lambda: desk.node.system.whereis("registrar") not in (None, before))
        expel(desk, "nas")
        assert desk.node.neighbours.connected() == []
        assert until(lambda: nas.node.neighbours.connected() == [])


def test_an_outside_host_that_is_away_splits_no_network(tmp_path: Path) -> None:
    with desk_and_nas(tmp_path, "outside") as (desk, nas):
        assert desk.node.neighbours.inside() == []
        nas.node.close()
        until(lambda: desk.node.neighbours.connected() == [])
        assert desk.node.cluster.absent() == []
        nas.start()
        until(lambda: desk.node.neighbours.connected() == ["nas"])
        kinds = [each["kind"] for each in desk.client.items("events")]
        assert not {"host.lost", "host.joined"} & set(kinds)
