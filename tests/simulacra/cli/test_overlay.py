"""``simulacra overlay``: what the gateway tells, as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulacra.actors.gateway.call import Call
from simulacra.cli.exits import ExitCode

from .conftest import Run, Serve

NAS = {
    "host": "nas",
    "address": "10.44.0.2",
    "device": "sim1",
    "how": "relayed",
    "relays": ["hub"],
    "round_trip": 0.0123,
    "loss": 0.05,
    "age": 2.4,
    "bandwidth": 3 << 20,
    "bandwidth_age": 61.0,
}
GONE = {**NAS, "host": "tv", "how": "none", "relays": [], "round_trip": None, "age": None}
STATUS: dict[str, Any] = {
    "host": "desk",
    "network": "home",
    "address": "10.44.0.1",
    "backend": "userspace",
    "guards_outside": False,
    "key": "A" * 43 + "=",
    "failure": "",
    "new_key_waits_for": ["tv"],
    "openvpn": [],
    "phones": {},
    "routes": [NAS, {**GONE, "bandwidth": None, "bandwidth_age": None}],
}


def pair(one: str, other: str, measured: str | None, verdict: str) -> dict[str, Any]:
    return {
        "from": one,
        "to": other,
        "planned": "direct",
        "measured": measured,
        "relays": ["hub"] if measured == "relayed" else [],
        "round_trip": 0.01,
        "age": 3.0,
        "verdict": verdict,
    }


def test_each_route_is_shown_with_the_age_of_its_figures(run: Run, serve: Serve) -> None:
    serve({"overlay": lambda _: [STATUS]})
    lines = run("overlay", "status").stdout.splitlines()
    assert lines[0].split() == ["host", "desk.home", "at", "10.44.0.1"]
    (nas,) = (line for line in lines if line.startswith("nas"))
    assert "relayed by hub" in nas
    assert nas.split()[5:7] == ["12.3ms", "5%"]
    assert nas.endswith("3.0M/s, 1m1s ago  2s ago")
    (tv,) = (line for line in lines if line.startswith("tv"))
    assert tv.split() == ["tv", "10.44.0.2", "none", "-", "5%", "-", "-"]
    assert run("overlay", "--json").json() == STATUS


@pytest.mark.parametrize(
    ("guards", "said"),
    [
        (False, "left to this host's own firewall"),
        (True, "only ssh and the overlay's ports are let in"),
    ],
)
def test_who_guards_what_is_outside_is_shown(
    run: Run, serve: Serve, guards: bool, said: str
) -> None:
    serve({"overlay": lambda _: [{**STATUS, "guards_outside": guards}]})
    (line,) = (line for line in run("overlay").stdout.splitlines() if line.startswith("outside"))
    assert line.removeprefix("outside").strip() == said


def test_openvpn_is_shown_by_what_it_is_for(run: Run, serve: Serve) -> None:
    one = {"name": "x", "relay": "", "old": "", "device": "simv", "ready": True, "why": ""}
    several = [
        one,
        {**one, "old": "attic", "device": "simk11944"},
        {**one, "relay": "hub", "device": "simv1", "ready": False, "why": "TLS handshake failed"},
    ]
    serve({"overlay": lambda _: [{**STATUS, "openvpn": several}]})
    (line,) = (line for line in run("overlay").stdout.splitlines() if line.startswith("openvpn"))
    assert line.removeprefix("openvpn").strip() == (
        "for clients (simv), ready; for attic (simk11944), ready; "
        "to hub (simv1), not ready: TLS handshake failed"
    )


def test_phones_that_need_a_code_are_named(run: Run, serve: Serve) -> None:
    status = dict(STATUS)
    serve({"overlay": lambda _: [status]})

    def phones() -> str:
        lines = run("overlay").stdout.splitlines()
        return next(line for line in lines if line.startswith("phones"))

    assert phones().endswith("none is stale")
    status["phones"] = {"anns": ["key", "endpoint"]}
    said = phones()
    assert "its relay has another key and its relay answers elsewhere" in said
    assert "simulacra overlay phone anns --again" in said


def test_a_rotation_says_whom_it_waits_for_and_which_phones_it_cuts_off(
    run: Run, serve: Serve
) -> None:
    def rotate(call: Call) -> Iterator[object]:
        yield {"waits_for": ["tv"], "phones": ["anns"] if call.arg("force", bool) else []}

    serve({"overlay_rotate": rotate})
    assert "waits for: tv" in run("overlay", "rotate").stderr
    assert "anns" not in run("overlay", "rotate").stderr
    assert "simulacra overlay phone anns --again" in run("overlay", "rotate", "--force").stderr


def test_a_ping_says_by_which_way(run: Run, serve: Serve) -> None:
    def ping(call: Call) -> Iterator[object]:
        for number in range(1, call.arg("count", int) + 1):
            trip = 0.004 if number == 2 else None
            yield {**NAS, "number": number, "round_trip": trip, "why": "no answer in 2.0 s"}

    serve({"overlay_ping": ping})
    ended = run("overlay", "ping", "nas", "--count", "2")
    assert ended.code == ExitCode.OK
    assert ended.stdout.splitlines() == [
        "1: no answer in 2.0 s (relayed by hub)",
        "2: 4ms (relayed by hub)",
    ]
    lost = run("overlay", "ping", "nas", "--count", "1", "--json")
    assert lost.code == ExitCode.UNREACHABLE
    assert lost.json()["round_trip"] is None


def test_a_check_fails_for_a_pair_that_is_cut_off_and_shows_a_matrix(
    run: Run, serve: Serve
) -> None:
    pairs = [pair("a", "b", "none", "cut"), pair("b", "a", "relayed", "worse")]
    serve({"overlay_check": lambda _: [{"pairs": pairs}]})
    ended = run("overlay", "check")
    assert ended.code == ExitCode.FAILED
    rows = [line.split() for line in ended.stdout.splitlines()]
    assert rows[1:] == [["a", ".", "-!"], ["b", "R!", "."]]
    assert "a to b: planned direct, is not at all (3s ago)" in ended.stderr
    assert "b to a: planned direct, is relayed by hub (3s ago)" in ended.stderr


def test_a_check_is_fine_where_all_is_as_planned_or_not_told_yet(run: Run, serve: Serve) -> None:
    pairs = [pair("a", "b", "direct", "ok"), pair("b", "a", None, "unknown")]
    serve({"overlay_check": lambda _: [{"pairs": pairs}]})
    ended = run("overlay", "check", "--json")
    assert (ended.code, ended.json()) == (ExitCode.OK, {"pairs": pairs})
