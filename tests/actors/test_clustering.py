"""A node's part in its network: parts that fail, files that are damaged, hosts that are outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simulacra.actors.cluster.members import Member, State
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.node import Node
from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.signals import Stop
from simulacra.actors.settings import Paths, Settings
from tests.onehost import one_host, until

Damage = Callable[[bytes], bytes]


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def garbage(_: bytes) -> bytes:
    return b"\xff\xfe\x00garbage" * 100


def lived(home: Path) -> Path:
    """The folder of a node that was up and is down."""
    with one_host(home) as host:
        host.node.events.add("host.joined", "nas", "nas is up")
        until(lambda: host.client.item("focus")["acting"])
    return home / "state" / "desk"


def test_a_part_that_fails_is_started_again_and_the_others_go_on(tmp_path: Path) -> None:
    with one_host(tmp_path) as host:
        for part in ("membership", "services", "focus"):
            before = host.node.system.whereis(part)
            assert before is not None
            before.signal(Stop(ExitReason("error")))
            until(lambda: host.node.system.whereis(part) not in (None, before))  # noqa: B023
        until(lambda: host.client.item("focus")["acting"])
        assert until(lambda: host.client.item("services")["services"] == [])
        assert not host.node.stopping.is_set()


@pytest.mark.parametrize("damage", [cut, garbage])
def test_records_that_are_damaged_say_what_to_do(tmp_path: Path, damage: Damage) -> None:
    file = lived(tmp_path) / "focus.db"
    file.write_bytes(damage(file.read_bytes()))
    paths = Paths.find({"SIMULACRA_HOME": str(tmp_path)})
    with pytest.raises(GatewayError, match=f"mv {file}") as caught:
        Node(Settings(name="desk", paths=paths))
    assert caught.value.code is ErrorCode.FAILED
    file.rename(f"{file}.damaged")
    with one_host(tmp_path) as host:
        until(lambda: host.client.item("focus")["acting"])
        assert host.client.item("focus")["epoch"] == [1, "desk"]


@pytest.mark.parametrize("damage", [cut, garbage, lambda _: b"", lambda _: b"[[1, 2]]\n7\n"])
@pytest.mark.parametrize(
    "name", ["events.jsonl", "services.json", "membership/known.json", "membership/incarnation"]
)
def test_a_node_does_without_what_it_can_learn_again(
    tmp_path: Path, name: str, damage: Damage
) -> None:
    file = lived(tmp_path) / name
    file.write_bytes(damage(file.read_bytes() if file.exists() else b""))
    with one_host(tmp_path) as host:
        host.node.events.add("host.lost", "nas", "nas is lost")
        assert "host.lost" in [each["kind"] for each in host.client.items("events")]
        assert host.client.item("status")["host"] == "desk"


def test_a_host_that_was_not_heard_since_the_start_counts_once(tmp_path: Path) -> None:
    keys = {name: KeyPair.generate().public for name in ("nas", "den")}
    members = tmp_path / "config" / "members"
    members.parent.mkdir()
    members.write_text(f"nas {keys['nas']} 127.0.0.1:1\nden {keys['den']} 127.0.0.1:2\n")
    with one_host(tmp_path) as host:
        cluster = host.node.cluster
        until(lambda: cluster.absent() == ["den", "nas"])
        assert [row["host"] for row in host.client.item("status")["peers"]] == ["den", "nas"]
        cluster.members = {
            "nas": Member("nas", keys["nas"], "127.0.0.1:1", 1, State.DOWN),
            "den": Member("den", keys["den"], "127.0.0.1:2", 1, State.DETACHED),
        }
        assert cluster.absent() == ["nas"]


def test_an_event_that_is_numbered_by_a_word_is_none(tmp_path: Path) -> None:
    folder = lived(tmp_path)
    line = '{"number": "x", "time": 1, "kind": "a", "host": "b", "text": "c"}\n'
    (folder / "events.jsonl").write_text(line)
    with one_host(tmp_path) as host:
        host.node.events.add("host.lost", "nas", "nas is lost")
        assert next(each["number"] for each in host.client.items("events")) == 1


def test_a_list_of_keys_that_is_no_text_says_which_line_is_wrong(tmp_path: Path) -> None:
    lived(tmp_path)
    (tmp_path / "config" / "members").write_bytes(b"\xff\xfe\n")
    paths = Paths.find({"SIMULACRA_HOME": str(tmp_path)})
    with pytest.raises(GatewayError, match="line 1"):
        Node(Settings(name="desk", paths=paths))


def test_a_setting_that_is_no_service_ends_no_master(tmp_path: Path) -> None:
    odd: list[object] = [7, {}, {"told": [], "spec": 1}, {"told": {}, "newer": 1}]
    with one_host(tmp_path) as host:
        until(lambda: host.client.item("focus")["acting"])
        master = host.node.system.whereis("service-master")
        for number, value in enumerate(odd):
            body = {"key": f"service.odd-{number}", "value": value}
            host.node.cluster.client.request("set", body, str(number))

        def shown() -> list[str]:
            return [each["reason"] for each in host.client.item("services")["services"]]

        until(lambda: len(shown()) == len(odd) and all("on desk: " in why for why in shown()))
        assert host.node.system.whereis("service-master") == master
