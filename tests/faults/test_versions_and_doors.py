"""Nodes that are to meet and may not: of wire versions too far apart, or shut out by a list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors import neighbours
from simulacra.actors.runtime.frames import WIRE_VERSION
from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.runtime.transport_settings import Settings as TransportSettings
from simulacra.actors.version import VERSION
from tests.onehost import Host, until

ANSWERS = """
def main(ctx):
    message = ctx.receive()
    message.reply(message.body + 1)
"""


@contextmanager
def pair(
    home: Path, monkeypatch: pytest.MonkeyPatch, apart: int = 0, *, mutual: bool = True
) -> Iterator[tuple[Host, Host]]:
    """Two nodes, the second of which speaks a wire version that is newer by ``apart``."""
    keys = {name: KeyPair.load_or_make(home / name / f"config/{name}.key") for name in "ab"}
    with ExitStack() as begun:
        hosts: list[Host] = []
        for name, wire in (("a", WIRE_VERSION), ("b", WIRE_VERSION + apart)):
            monkeypatch.setattr(
                neighbours, "TransportSettings", partial(TransportSettings, wire_version=wire)
            )
            other = "b" if name == "a" else "a"
            address = hosts[0].node.neighbours.address() if hosts else ""
            if mutual or name == "b":
                members = home / name / "config/members"
                members.write_text(f"{other} {keys[other].public} {address}\n")
            hosts.append(Host(home / name, name))
            begun.callback(hosts[-1].node.close)
        yield hosts[0], hosts[1]


def peer(host: Host) -> dict[str, Any]:
    """The only peer that a host sees, once it sees one."""
    [found] = until(lambda: host.client.item("status")["peers"])
    assert isinstance(found, dict)
    return found


def test_one_wire_version_apart_they_work_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pair(tmp_path, monkeypatch, 1) as (a, b):
        until(lambda: peer(a)["state"] == peer(b)["state"] == "up")
        computation = a.script(ANSWERS, name="adds", on="b")
        assert computation.ask(1, timeout=60) == 2
        assert b.result("adds")["host"] == "b"


def test_two_wire_versions_apart_both_say_why_they_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pair(tmp_path, monkeypatch, 2) as (a, b):
        said = (
            f"b speaks wire version {WIRE_VERSION + 2} (Simulacra {VERSION}) and a speaks "
            f"{WIRE_VERSION}; nodes one version apart work together: upgrade a"
        )
        until(lambda: refusal(a) == refusal(b) == said)
        assert a.client.item("ps")["rows"][0]["name"] == "a"


def refusal(host: Host) -> str:
    peers = host.client.item("status")["peers"]
    return "".join(each["reason"] or "" for each in peers if each["state"] == "refused")


def test_a_node_that_is_shut_out_says_so_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pair(tmp_path, monkeypatch, mutual=False) as (a, b):
        until(lambda: refusal(b))
        found = peer(b)
        assert found["state"] == "refused"
        assert "its door turns this node away: its list does not have our key" in found["reason"]
        assert a.client.item("status")["peers"] == []
        pair_of_b = KeyPair.load_or_make(tmp_path / "b/config/b.key")
        (tmp_path / "a/config/members").write_text(f"b {pair_of_b.public}\n")
        a.client.item("keys_changed")
        until(lambda: peer(b)["state"] == "up")
        assert peer(b)["reason"] is None
