from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from simulacra.actors.gateway.call import Call
from simulacra.cli.exits import ExitCode

from .conftest import NAME, Run, Serve
from .samples import STATUS


def test_status_shows_peers_and_the_age_of_figures(run: Run, serve: Serve) -> None:
    serve({"status": lambda _: [STATUS]})
    lines = run("status").stdout.splitlines()
    assert lines[0] == "host          desk (x86_64, Python 3.11)"
    assert (
        lines[4] == "network       home, its door here at 192.168.1.7:7401, its names on port 7453"
    )
    assert "8 cores of speed 1.2" in lines[7]
    assert lines[8] == "labels        gpu"
    assert "4.0G free of 16G" in lines[9]
    assert lines[-2].split()[:7] == [
        "nas",
        "up",
        "inside",
        "-",
        "192.168.1.2:7400",
        "1.2ms",
        "105M/s",
    ]
    assert "never" in lines[-1]
    assert lines[-1].endswith("no heartbeat for 90 s")


@pytest.mark.parametrize(
    ("phase", "shown"),
    [("apart", "detached 2h0m ago; come back"), ("rejoining", "rejoining, detached 2h0m ago")],
)
def test_status_says_that_this_host_is_away(run: Run, serve: Serve, phase: str, shown: str) -> None:
    away = {"phase": phase, "since": time.time() - 2 * 3600, "until": None}
    serve({"status": lambda _: [STATUS | {"away": away}]})
    [line] = [each for each in run("status").stdout.splitlines() if each.startswith("away")]
    assert shown in line
    assert line.endswith("simulacra rejoin")


def test_status_shows_the_routes_between_any_two(run: Run, serve: Serve) -> None:
    far = {"source": "nas", "target": "far", "round_trip": 0.2, "age": 3.0}
    rates = ({"bandwidth": 5e6, "bandwidth_age": 90.0}, {"bandwidth": None, "bandwidth_age": None})
    told = {"routes": [far | rate for rate in rates]}
    serve({"routes": lambda _: [told]})
    rows = [line.split("  ") for line in run("status", "--routes").stdout.splitlines()[1:]]
    shown = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert shown == [
        ["nas", "far", "200ms", "3s ago", "4.8M/s", "1m30s ago"],
        ["nas", "far", "200ms", "3s ago", "-", "never"],
    ]
    assert run("status", "--routes", "--json").json() == told


def test_status_as_json_is_the_nodes_own(run: Run, serve: Serve) -> None:
    serve({"status": lambda _: [STATUS]})
    assert run("status", "--json").json() == STATUS


def test_the_only_node_is_used_whatever_its_name(run: Run, serve: Serve) -> None:
    serve({"status": lambda _: [STATUS]})
    assert run("status", SIMULACRA_NAME="elsewhere").code == 0
    assert run("status", "--node", "other").code == ExitCode.UNREACHABLE


def test_up_detached_where_it_is_up_already(run: Run, serve: Serve) -> None:
    serve({"status": lambda _: [STATUS]})
    ended = run("up", "--detach", "--json")
    assert (ended.code, ended.json()["host"]) == (0, NAME)
    assert "already up" in ended.stderr


def test_down_waits_for_the_process_to_end(run: Run, serve: Serve) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as node:

        def down(_: Call) -> Iterator[object]:
            yield {"host": NAME, "pid": node.pid, "computations": 2}
            node.communicate()

        serve({"down": down})
        ended = run("down")
        assert ended.code == 0
        assert node.poll() is not None
    assert "computations it had: 2" in ended.stderr


def test_down_says_when_the_process_stays(run: Run, serve: Serve) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as node:
        serve({"down": lambda _: [{"host": NAME, "pid": node.pid, "computations": 0}]})
        ended = run("down", "--timeout", "100ms")
        assert ended.code == ExitCode.TIMED_OUT
        assert f"kill -9 {node.pid}" in ended.stderr


@pytest.mark.parametrize("peers", [[], STATUS["peers"]])
def test_doctor_looks_at_the_node_and_its_peers(run: Run, serve: Serve, peers: object) -> None:
    serve({"status": lambda _: [{**STATUS, "peers": peers}]})
    ended = run("doctor", "--json")
    found = {each["name"]: each["verdict"] for each in ended.json()}
    assert found["node"] == "ok"
    assert ("peer laptop" in found) == bool(peers)
    assert ended.code == (ExitCode.FAILED if peers else ExitCode.OK)
