"""``up``, ``down``, ``status``: the node of this machine."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path
from typing import Any, Final, Literal

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Settings
from simulacra.actors.units import show_age, show_seconds, show_size
from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, Period, client
from simulacra.client import Client
from simulacra.launch import TIMEOUT, launch, log_file

_HEADINGS: Final = (
    "host", "state", "role", "zone", "address", "round trip", "bandwidth", "clock", "seen", "why"
)  # fmt: skip

INVITED: Final = "sim1"
"""What the token of an invitation begins with."""


def up(
    *,
    name: str | None = None,
    listen: str | None = None,
    bulk_port: int | None = None,
    join: tuple[str, ...] = (),
    door: str | None = None,
    dns: str | None = None,
    zone: str | None = None,
    label: tuple[str, ...] = (),
    log: Literal["text", "json"] | None = None,
    detach: bool = False,
    timeout: Period = TIMEOUT,
    json: bool = False,
) -> None:
    """Start this machine's node, in the foreground unless told otherwise.

    Without settings it is named like the machine and is reached from this machine only.

    For example:

    - `simulacra up --detach`
    - `simulacra up --listen 192.168.1.7:7400 --join nas.local:7400`
    - `simulacra up --join sim1...@nas.local`
    - `simulacra up --label gpu --detach`

    Args:
        name: The node's name in the network; this machine's own if left out.
        listen: HOST:PORT where other nodes reach it.
        bulk_port: The port at the same address where they fetch files and states, 0 for any that is
            free. If left out it is the third after that of --listen.
        join: HOST:PORT of a node to meet; may be given several times. Or the token of an invitation
            and where to use it, TOKEN@HOST: this machine is then let into that network. @FILE is
            what stands in a file.
        door: HOST:PORT where machines that were invited knock.
        dns: HOST:PORT where the network's names are told to resolvers.
        zone: What stands or falls with this machine, as in home or office.
        label: What this host is marked with, for spawn --label; may be given several times.
        log: How it logs: a line an event, or a JSON object.
        detach: Start it in the background, and return when it answers.
        timeout: How long it may take to answer.
        json: Print the node's status as JSON; with --detach.
    """
    said = [_in_file(each) for each in join]
    # A token whose beginning was lost on the way here is one all the same: no address has an @.
    tokens = [each for each in said if each.startswith(INVITED) or "@" in each]
    addresses = tuple(each for each in said if each not in tokens)
    flags = {
        "name": name, "listen": listen, "bulk_port": bulk_port, "join": addresses, "door": door,
        "dns": dns, "zone": zone, "labels": label, "log": log,
    }  # fmt: skip
    settings = Settings.load(flags)
    for token in tokens:
        # Only who joins needs signatures.
        from simulacra.cli.enrolling import join as use  # noqa: PLC0415

        use(_in_overlay(settings), token)
    if not detach:
        # Only the node itself needs pykka and ZeroMQ.
        from simulacra.actors.node_process import run  # noqa: PLC0415

        run(settings)
        return
    status = _running(settings)
    if status is None:
        status = launch(settings, timeout)
        output.message(f"node {status['host']} is up; it logs to {log_file(settings)}")
    else:
        output.message(f"node {status['host']} is already up")
    if json:
        output.document(status)


def _in_overlay(settings: Settings) -> Settings:
    """The settings in the overlay, if this machine is in one, which is brought up first."""
    if not settings.plan:
        return settings
    from simulacra.overlay.mesh.overlay import OverlayError, enter  # noqa: PLC0415 (only who joins)

    try:
        return enter(settings)
    except OverlayError as error:
        raise GatewayError(ErrorCode.FAILED, str(error), error.hint) from error


def down(*, asleep: bool = False, timeout: Period = 20.0, common: Common = COMMON) -> None:
    """Stop this machine's node; its computations go on from their checkpoints when it is up again.

    For example:

    - `simulacra down`
    - `simulacra down --asleep`

    Args:
        asleep: Say good night, as before the machine is suspended or switched off: the others then
            show this host as asleep, one that can be woken, and not as detached.
        timeout: How long it may take to end.
        common: Options of all commands.
    """
    calls = client(common)
    stopping = calls.item("down", timeout=timeout, asleep=asleep)
    _await_end(stopping["pid"], timeout)
    if common.json:
        output.document(stopping)
    else:
        output.message(
            f"node {stopping['host']} is down; computations it had: {stopping['computations']}"
        )


def status(*, routes: bool = False, common: Common = COMMON) -> None:
    """Show this machine's node and the nodes it knows, with the age of every figure.

    For example:

    - `simulacra status`
    - `simulacra status --json`
    - `simulacra status --routes`

    Args:
        routes: Show instead how far it is between any two hosts in reach, as they measured it.
        common: Options of all commands.
    """
    if routes:
        _show_routes(client(common), as_json=common.json)
        return
    found = client(common).item("status")
    if common.json:
        output.document(found)
        return
    output.fields(_lines(found))
    if found["peers"]:
        output.data("")
        output.table(
            _HEADINGS,
            map(_peer, found["peers"]),
        )


def _show_routes(calls: Client, *, as_json: bool) -> None:
    found = calls.item("routes")
    if as_json:
        output.document(found)
        return
    output.table(
        ("from", "to", "round trip", "measured", "bandwidth", "measured"),
        map(_route, found["routes"]),
    )


def _route(route: dict[str, Any]) -> tuple[str, ...]:
    rate, age = route["bandwidth"], route["bandwidth_age"]
    return (
        route["source"],
        route["target"],
        show_seconds(route["round_trip"]),
        f"{show_age(route['age'])} ago",
        "-" if rate is None else f"{show_size(rate)}/s",
        "never" if age is None else f"{show_age(age)} ago",
    )


def _in_file(join: str) -> str:
    """What was said to join, which may stand in a file: others see a program's arguments."""
    if not join.startswith("@"):
        return join
    try:
        return Path(join[1:]).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise GatewayError(
            ErrorCode.USAGE, f"{join[1:]} cannot be read: {error}", "as in: --join @invitation"
        ) from error


def _running(settings: Settings) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = Client(settings.paths.socket(settings.name)).item("status")
    except GatewayError as error:
        if error.code is ErrorCode.UNREACHABLE:
            return None
        raise
    return found


def _await_end(pid: int, timeout: float) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if select.select([handle], [], [], timeout)[0]:
            return
    finally:
        os.close(handle)
    raise GatewayError(
        ErrorCode.TIMED_OUT,
        f"the node (process {pid}) has not ended after {timeout:.0f} s",
        f"wait longer with --timeout, or end it at once, which loses what is not checkpointed: "
        f"kill -9 {pid}",
    )


def _lines(found: dict[str, Any]) -> dict[str, str]:
    computations = ", ".join(
        f"{count} {state}" for state, count in found["computations"].items() if count
    )
    memory = found["memory"]
    return {
        "host": f"{found['host']} ({found['arch']}, Python {found['python']})",
        "node": f"version {found['version']}, process {found['pid']}, "
        f"up {show_age(found['uptime'])}",
        "listens": f"{found['listen']}, for bytes in bulk on port {found['bulk_port']}",
        "key": found["key"],
        "network": _network(found),
        "zone": found["zone"] or "none",
        "master": found["master"] or "none yet",
        "load": f"{found['load']:.2f} on {found['cores']} cores of speed {found['speed']:.2g}",
        "labels": ", ".join(found["labels"]) or "none",
        "memory": f"{show_size(memory['free'])} free of {show_size(memory['total'])}",
        "limits": f"by {found['limits']}",
        "computations": computations or "none",
        **({} if found["away"] is None else {"away": _away(found["away"])}),
        "dead letters": str(found["dead_letters"]),
        "log": str(Path(found["log"])) if found["log"] else "its terminal",
    }


def _away(away: dict[str, Any]) -> str:
    since = show_age(max(0.0, time.time() - away["since"]))
    if away["phase"] != "apart":
        return f"rejoining, detached {since} ago; go on: simulacra rejoin"
    return f"detached {since} ago; come back: simulacra rejoin"


def _network(found: dict[str, Any]) -> str:
    if found["network"] is None:
        return "none but the keys that are listed here (simulacra keys list)"
    if found["out"]:
        return (
            f"{found['network']}, but not any more: {found['out']}; to come back: simulacra down, "
            "simulacra keys reset, and a new invitation"
        )
    door = f", its door here at {found['door']}" if found["door"] else ""
    dns = f", its names on port {found['dns']}" if found["dns"] else ""
    return f"{found['network']}{door}{dns}"


def _peer(peer: dict[str, Any]) -> tuple[str, ...]:
    bandwidth = peer["bandwidth"]
    clock = peer["clock"]
    seen = peer["seen"]
    return (
        peer["host"],
        peer["state"],
        peer["role"] or "-",
        peer["zone"] or "-",
        peer["address"],
        show_seconds(peer["rtt"]),
        "-" if bandwidth is None else f"{show_size(bandwidth)}/s",
        "-" if clock is None else f"{clock:+.3f}s",
        "never" if seen is None else f"{show_age(seen)} ago",
        peer["reason"] or "",
    )
