"""The gateway's verbs against a real node and real computations."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.compute import ports
from simulacra.actors.compute.arguments import Reads
from simulacra.actors.compute.spec import Command, Limits, Script, Spec
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from tests.onehost import Host, one_host, until


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with one_host(tmp_path) as host:
        yield host


def test_attach_shows_types_resizes_signals_and_says_the_end(host: Host) -> None:
    script = "stty size; read line; echo got $line; stty size; read line; echo end"
    host.spawn(Spec(Command(("sh", "-c", script), pty=True), name="shell"))
    shown = b""
    with host.client.open("attach", timeout=60, name="shell", rows=20, columns=70) as stream:
        for item in stream:
            shown += item.get("output", b"")
            if b"\r\n" in shown and b"got" not in shown and b"word" not in shown:
                stream.send_resize(30, 90)
                stream.send_input(b"word\n")
            elif shown.count(b"\r\n") >= 4 and b"end" not in shown:
                stream.send_input(b"\n")
            if "reason" in item:
                assert item["reason"]["kind"] == "normal"
                break
    assert b"got word" in shown
    assert b"30 90" in shown
    assert b"end" in shown


def test_forward_carries_bytes_both_ways_and_ends(host: Host) -> None:
    host.script("def main(ctx): ctx.receive()", name="serves")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with host.client.open("forward", timeout=60, name="serves", port=port) as stream:
            items = iter(stream)
            assert next(items) == {"connected": "desk"}
            other, _ = server.accept()
            with other:
                stream.send_input(b"hello")
                assert other.recv(10) == b"hello"
                other.sendall(b"world")
                assert next(items) == {"data": b"world"}
            assert list(items) == []
    with pytest.raises(GatewayError, match=f"nothing answers at port {port} of desk") as refused:
        list(host.client.items("forward", name="serves", port=port))
    assert refused.value.code is ErrorCode.UNREACHABLE
    assert refused.value.hint == "see whether it listens: simulacra logs serves"


def test_who_has_ended_is_not_forwarded_to(host: Host) -> None:
    host.script("def main(ctx): ctx.receive()", name="served")
    with socket.create_server(("127.0.0.1", 0)) as somebody_else:
        port = somebody_else.getsockname()[1]
        host.network.computation("served").stop()
        with pytest.raises(GatewayError, match="served has ended") as refused:
            list(host.client.items("forward", name="served", port=port))
    assert refused.value.code is ErrorCode.UNREACHABLE
    assert refused.value.hint == "see how: simulacra result served"


def test_a_forward_that_is_left_closes_its_connection(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_WAIT", 0.1)  # between two looks whether it was left
    host.script("def main(ctx): ctx.receive()", name="serves")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with host.client.open("forward", timeout=None, name="serves", port=port) as stream:
            next(iter(stream))
            other, _ = server.accept()
        with other:
            other.settimeout(60)
            assert other.recv(1) == b""


def test_logs_are_followed_to_the_end(host: Host) -> None:
    source = "def main(ctx):\n    print('one', flush=True)\n    ctx.receive()\n    print('two')"
    host.script(source, name="prints")
    got = b""
    for piece in host.client.items("logs", timeout=60, name="prints", follow=True):
        got += piece["data"]
        if got == b"one\n":
            host.network.computation("prints").tell("go on")
    assert got == b"one\ntwo\n"


def test_explain_and_ps(host: Host, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"x" * 1000)
    source = "def main(ctx, data): ctx.receive()"
    reads = Spec(
        Script("/x/x.py", source), name="reads", kwargs={"data": Reads(f"desk:{tmp_path}/data")}
    )
    host.spawn(reads)
    until(lambda: host.row("reads")["state"] == "running")
    found = host.network.computation("reads").explain()
    assert found["host"] == "desk"
    assert [(each["host"], each["best"]) for each in found["alternatives"]] == [("desk", True)]
    with pytest.raises(GatewayError, match="no computation called nobody"):
        host.client.item("ps", name="nobody")
    for name in ("reads", "desk"):
        rows = host.client.item("ps", name=name)["rows"]
        assert [row["name"] for row in rows] == ["desk", "reads"]
    host.network.computation("reads").stop()
    assert [row["name"] for row in host.client.item("ps", name="desk")["rows"]] == ["desk"]
    names = [row["name"] for row in host.client.item("ps")["rows"]]
    assert names == ["desk"]
    rows = host.client.item("ps", finished=True)["rows"]
    assert [(row["name"], row["state"]) for row in rows] == [("desk", "up"), ("reads", "stopped")]


def test_explain_tells_the_work_to_come_of_a_loop(host: Host) -> None:
    source = """
def main(ctx):
    for _ in ctx.steps("sums", range(100_000)):
        sum(range(20_000))
"""
    host.script(source, name="sums")
    works = host.network.computation("sums").explain
    until(lambda: works()["alternatives"][0]["work"] > 1.0)


@pytest.mark.parametrize(
    ("spec", "code", "said"),
    [
        (Spec(Command(("true",)), on="nowhere"), ErrorCode.UNPLACEABLE, "no host nowhere"),
        (Spec(Command(("true",)), near="nas:/x"), ErrorCode.UNREACHABLE, "not connected"),
        (
            Spec(Command(("true",)), args=(Reads("nas:/x"),)),
            ErrorCode.UNREACHABLE,
            "nas, which is not connected",
        ),
        (
            Spec(Command(("true",)), args=(Reads("desk:/nothing/here"),)),
            ErrorCode.NOT_FOUND,
            "No such file",
        ),
        (
            Spec(Command(("true",)), limits=Limits(memory=2**60)),
            ErrorCode.UNPLACEABLE,
            "no host can take it",
        ),
    ],
)
def test_what_cannot_be_placed_is_refused_with_what_to_do(
    host: Host, spec: Spec, code: ErrorCode, said: str
) -> None:
    with pytest.raises(GatewayError, match=said) as refused:
        host.spawn(spec)
    assert refused.value.code is code
    assert refused.value.hint


def test_migrate_to_nowhere_and_of_nobody(host: Host) -> None:
    waits = host.script("def main(ctx): ctx.receive()", name="waits")
    with pytest.raises(GatewayError, match="nas is not connected; connected: desk"):
        waits.migrate("nas")
    with pytest.raises(GatewayError, match="it is there already") as refused:
        waits.migrate("desk")
    assert refused.value.hint == "see: simulacra explain waits"
    host.command("sleep", "100", name="sleeps")
    with pytest.raises(GatewayError, match="it is there already"):
        host.network.computation("sleeps").migrate("desk")


def test_a_spec_of_another_version_is_a_usage_error(host: Host) -> None:
    with pytest.raises(GatewayError, match="no spec of this version") as refused:
        host.client.item("spawn", spec={"what": {"kind": "Dream"}})
    assert refused.value.code is ErrorCode.USAGE
