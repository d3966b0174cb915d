"""A node as a whole: what begins, what ends with it, and what is left when it cannot begin."""

from __future__ import annotations

import logging
import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.clustering import Clustering
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.node import Node
from simulacra.actors.runtime import system as system_module
from simulacra.actors.runtime.reason import ExitReason
from simulacra.actors.runtime.signals import Stop
from simulacra.actors.settings import Paths, Settings
from tests.onehost import one_host, until
from tests.twohosts import two_hosts


def settings(home: Path, **options: object) -> Settings:
    paths = Paths.find({"SIMULACRA_HOME": str(home)})
    return Settings(name="desk", paths=paths, **options)  # type: ignore[arg-type]


def test_its_tree(tmp_path: Path) -> None:
    with one_host(tmp_path) as host:
        assert {
            "node",
            "compute",
            "hosts",
            "membership",
            "focus",
            "services",
            "files",
            "ports",
            "post",
        } <= set(host.node.system.registered())
        status = host.client.item("status")
        assert (status["host"], status["pid"]) == ("desk", os.getpid())
        assert status["listen"] == host.node.neighbours.address()
        assert status["bulk_port"] == host.node.bulk_server.port
        assert status["computations"] == {}
        assert status["peers"] == []
        rows = host.client.item("ps", all=True)["rows"]
        assert {"desk", "computations", "files"} <= {row["name"] for row in rows}


def test_the_port_that_it_had_is_tried_first_and_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "state" / "desk" / "port"
    file.parent.mkdir(parents=True)
    caplog.set_level(logging.INFO, "simulacra.actors.same_port")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        file.write_text(f"{port}\n")
        with one_host(tmp_path) as host:
            address = host.node.neighbours.address()
    assert f"port {port}, which was this node's, is taken" in caplog.text
    assert file.read_text() == f"{address.rpartition(':')[2]}\n"


def test_a_part_that_fails_is_started_again(tmp_path: Path) -> None:
    with one_host(tmp_path) as host:
        for name in ("files", "ports", "post", "computations"):
            before = until(lambda: host.node.system.whereis(name))  # noqa: B023
            assert before is not None
            before.signal(Stop(ExitReason("error")))
            until(lambda: host.node.system.whereis(name) not in (None, before))  # noqa: B023
        assert host.script("def main(ctx): return 1").result(60) == 1
        assert not host.node.stopping.is_set()


def test_when_its_tree_ends_the_node_does(tmp_path: Path) -> None:
    with one_host(tmp_path) as host:
        root = host.node.system.whereis("node")
        assert root is not None
        root.signal(Stop(ExitReason("error", detail="enough")))
        assert host.node.stopping.wait(60)
        assert host.node.failure is not None
        assert host.node.failure.detail == "enough"


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    with one_host(tmp_path) as host:
        host.node.close()
        assert host.node.failure is None


def test_bytes_in_bulk_have_the_port_that_is_stated(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with one_host(tmp_path, bulk_port=port) as host:
        assert host.client.item("status")["bulk_port"] == port


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        ("bulk", ErrorCode.FAILED, "--bulk-port"),
        ("members", ErrorCode.FAILED, "mend that line"),
        ("join", ErrorCode.USAGE, "simulacra keys add NAME KEY"),
        ("socket", ErrorCode.DENIED, "ls -ld"),
    ],
)
def test_a_node_that_cannot_begin_leaves_nothing(
    tmp_path: Path, spoil: str, code: ErrorCode, said: str
) -> None:
    threads, before = set(threading.enumerate()), len(system_module._systems)
    options: dict[str, object] = {}
    paths = settings(tmp_path).paths
    if spoil == "members":
        paths.config.mkdir(parents=True)
        paths.members.write_text("nas nonsense\n")
    elif spoil == "join":
        options["join"] = ("127.0.0.1:9",)
    else:
        tmp_path.joinpath("run").write_text("in the way")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        if spoil == "bulk":
            options["bulk_port"] = taken.getsockname()[1]
        with pytest.raises(GatewayError) as refused:
            Node(settings(tmp_path, **options))
    assert refused.value.code is code
    assert said in (refused.value.hint or "")
    until(lambda: set(threading.enumerate()) <= threads)
    assert len(system_module._systems) == before
    with one_host(tmp_path / "other"):
        pass


def test_a_node_that_is_met_while_it_is_put_together_hears_all_that_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with two_hosts(tmp_path, listen=f"127.0.0.1:{port}") as (desk, nas):
        nas.node.close()
        until(lambda: not desk.node.neighbours.connected())

        def clustering(*args: Any) -> Clustering:
            neighbours = args[-1]
            until(lambda: neighbours.transport.peers() and neighbours.connected() == ["desk"])
            return Clustering(*args)

        monkeypatch.setattr("simulacra.actors.node.Clustering", clustering)
        nas.start()
        assert nas.node.neighbours.connected() == ["desk"]
        until(lambda: "desk" in nas.node.cluster.members)
        until(lambda: "nas" in desk.node.cluster.members)
