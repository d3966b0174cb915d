"""``lab``: hosts out of namespaces on this machine, to try things out on and to break."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import output
from simulacra.cli.options import Duration
from simulacra.testing.lab import Host, Lab, LabError, RunningLab, attach, end, folders, why_not
from simulacra.testing.lab.plan import names as default_names
from simulacra.testing.lab.plan import parse_hosts, parse_zones
from simulacra.testing.lab.wiring import parse_share

app = App(
    name="lab", help="Run hosts in namespaces on this machine, and cut and slow their cables."
)


@Parameter(name="*")
@dataclass(frozen=True)
class Which:
    """Which lab.

    Attributes:
        lab: The lab's name, where several run.
        json: Print the lab's state as JSON, also for an error.
    """

    lab: str = "lab"
    json: bool = False


WHICH: Final = Which()


@app.command
def up(
    count: int | None = None,
    /,
    *,
    names: str = "",
    zones: str = "",
    bare: bool = False,
    which: Which = WHICH,
) -> None:
    """Start a lab: hosts on one LAN, or in zones, with a node each.

    Each has a network, processes, a name, a home and an sshd of its own; all other files are this
    machine's. It runs until `simulacra lab down`. Needs root.

    For example:

    - `sudo simulacra lab up 5`
    - `sudo simulacra lab up --zones a,b/c,d,e`
    - `sudo simulacra lab up 20 --bare --lab big`

    Args:
        count: How many hosts.
        names: Their names: laptop,desk,nas.
        zones: Their names by zone: a,b/c,d,e.
        bare: Start no nodes.
        which: Which lab.
    """
    with _refusals():
        _check()
        planned = _zones(count, names, zones)
        lab = Lab(zones=planned, nodes=not bare, name=which.lab, stays=True)
    if not which.json:
        first = next(iter(lab.hosts))
        option = "" if which.lab == WHICH.lab else f" --lab {which.lab}"
        output.message(
            f"lab {lab.name} is up: {', '.join(lab.hosts)}; a shell in one: "
            f"simulacra lab exec {first}{option}; its end: simulacra lab down{option}"
        )
    _show(lab, which)


@app.command
def down(*, which: Which = WHICH) -> None:
    """End a lab, and leave nothing of it behind.

    For example:

    - `sudo simulacra lab down`

    Args:
        which: Which lab.
    """
    with _refusals():
        _check()
        end(folders.find(which.lab))
    if which.json:
        output.document({"lab": which.lab})
    else:
        output.message(f"lab {which.lab} is down")


@app.default
@app.command(name=["ps", "status"])
def ps(*, which: Which = WHICH) -> None:
    """Show a lab's hosts, and which of its links are not as they were.

    For example, as root:

    - `simulacra lab ps`

    Args:
        which: Which lab.
    """
    with _lab(which) as lab:
        if which.json:
            output.document({**lab.status(), "hosts": [_row(host) for host in lab]})
            return
        rows = [_row(host) for host in lab]
        output.table(
            ("host", "state", "node", "address", "zone", "processes"),
            [tuple(str(value) for value in row.values()) for row in rows],
        )
        for line in lab.status()["links"]:
            output.data(line)


@app.command(name="list")
def list_(*, json: bool = False) -> None:
    """Show the labs that run.

    For example:

    - `sudo simulacra lab list`

    Args:
        json: Print JSON.
    """
    with _refusals():
        _check()
        running = folders.running()
    if json:
        output.document(running)
    else:
        for name in running:
            output.data(name)


@app.command(name="exec")
def exec_(
    host: str,
    # Options are the command's.
    *command: Annotated[str, Parameter(allow_leading_hyphen=True)],
    which: Which = WHICH,
) -> None:
    """Run a command on a host, or a shell where none is given; its exit code is the command's.

    For example:

    - `sudo simulacra lab exec a`
    - `sudo simulacra lab exec a simulacra status`
    - `sudo simulacra lab exec --lab big a -- ping -c1 b`

    Args:
        host: The host.
        command: The command and its arguments.
        which: Which lab.
    """
    with _lab(which) as lab:
        words = lab[host].command(command or ["bash"])
        environ = lab[host].environ()
    os.execvpe(words[0], words, environ)  # noqa: S606 (no shell is wanted)


@app.command
def split(*parts: str, which: Which = WHICH) -> None:
    """Cut what is between parts of a lab, instead of what was cut before.

    A host may be in several parts; one that is in none sees all.

    For example:

    - `sudo simulacra lab split a,b c,d,e`

    Args:
        parts: The hosts of each part.
        which: Which lab.
    """
    with _lab(which) as lab:
        lab.split(*map(parse_hosts, parts))
        _show(lab, which)


@app.command
def heal(*, which: Which = WHICH) -> None:
    """Make all cables of a lab whole and fast.

    For example:

    - `sudo simulacra lab heal`

    Args:
        which: Which lab.
    """
    with _lab(which) as lab:
        lab.heal()
        _show(lab, which)


@app.command
def cut(
    host: str, other: str | None = None, /, *, one_way: bool = False, which: Which = WHICH
) -> None:
    """Drop what two hosts send each other.

    For example:

    - `sudo simulacra lab cut a b`
    - `sudo simulacra lab cut a b --one-way`

    Args:
        host: One of them.
        other: The other; all others if left out.
        one_way: Drop only what the first sends.
        which: Which lab.
    """
    with _lab(which) as lab:
        lab.cut(host, other, one_way=one_way)
        _show(lab, which)


@app.command
def slow(
    host: str,
    other: str,
    rate: str = "",
    /,
    *,
    latency: Duration = 0.0,
    which: Which = WHICH,
) -> None:
    """Limit the rate between two hosts, and hold packets back, both ways.

    For example:

    - `sudo simulacra lab slow a b 10mbit`
    - `sudo simulacra lab slow a b 10mbit --latency 50ms`

    Args:
        host: One of them.
        other: The other.
        rate: The rate, as in 10mbit or 500kbit; no limit if left out.
        latency: How long a packet is held back, each way: a round trip takes twice as long.
        which: Which lab.
    """
    with _lab(which) as lab:
        lab.slow(host, other, rate=rate, latency=latency)
        _show(lab, which)


@app.command
def loss(host: str, other: str, share: str, /, *, which: Which = WHICH) -> None:
    """Lose some of the packets between two hosts, both ways.

    For example:

    - `sudo simulacra lab loss a b 5%`

    Args:
        host: One of them.
        other: The other.
        share: How many are lost: 5%.
        which: Which lab.
    """
    with _lab(which) as lab:
        lab.lose(host, other, share=parse_share(share))
        _show(lab, which)


@app.command
def unplug(host: str, /, *, which: Which = WHICH) -> None:
    """Pull a host's cable.

    For example:

    - `sudo simulacra lab unplug a`

    Args:
        host: The host.
        which: Which lab.
    """
    with _lab(which) as lab:
        lab.unplug(host)
        _show(lab, which)


@app.command
def plug(host: str, /, *, which: Which = WHICH) -> None:
    """Put a host's cable back.

    For example:

    - `sudo simulacra lab plug a`

    Args:
        host: The host.
        which: Which lab.
    """
    with _lab(which) as lab:
        lab.plug(host)
        _show(lab, which)


@app.command
def stop(host: str, /, *, which: Which = WHICH) -> None:
    """Stop all processes of a host, as if it slept.

    For example:

    - `sudo simulacra lab stop a`

    Args:
        host: The host.
        which: Which lab.
    """
    with _lab(which) as lab:
        lab[host].stop()
        _show(lab, which)


@app.command(name="continue")
def continue_(host: str, /, *, which: Which = WHICH) -> None:
    """Let the processes of a stopped host go on.

    For example:

    - `sudo simulacra lab continue a`

    Args:
        host: The host.
        which: Which lab.
    """
    with _lab(which) as lab:
        lab[host].cont()
        _show(lab, which)


@app.command
def kill(host: str, /, *, which: Which = WHICH) -> None:
    """Take a host's power away; its home stays.

    For example:

    - `sudo simulacra lab kill a`

    Args:
        host: The host.
        which: Which lab.
    """
    with _lab(which) as lab:
        lab[host].kill()
        _show(lab, which)


@app.command
def start(host: str, /, *, which: Which = WHICH) -> None:
    """Start a host again that was killed, with its node if it had one.

    For example:

    - `sudo simulacra lab start a`

    Args:
        host: The host.
        which: Which lab.
    """
    with _lab(which) as lab:
        lab[host].start(node=lab[host].had_node())
        _show(lab, which)


# -- what they share


@contextlib.contextmanager
def _lab(which: Which) -> Iterator[RunningLab]:
    with _refusals():
        _check()
        yield attach(which.lab)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Say what a lab refuses as the command line does."""
    try:
        yield
    except LabError as error:
        raise GatewayError(ErrorCode.FAILED, str(error.args[0]), error.hint) from error


def _check() -> None:
    """Refuse where there can be no lab.

    Raises:
        GatewayError: ``denied`` without root, ``failed`` where a tool is missing.
    """
    reason = why_not()
    if reason is None:
        return
    if os.geteuid() != 0:
        raise GatewayError(ErrorCode.DENIED, reason, "sudo simulacra lab up 5")
    raise GatewayError(ErrorCode.FAILED, *reason.split(": ", 1))


def _zones(count: int | None, names: str, zones: str) -> tuple[tuple[str, ...], ...]:
    """Return the hosts that were asked for."""
    planned = parse_zones(zones) if zones else (tuple(parse_hosts(names)),)
    if not (zones or names):
        return (tuple(default_names(5 if count is None else count)),)
    if (zones and names) or count not in (None, sum(map(len, planned))):
        raise GatewayError(
            ErrorCode.USAGE,
            "the number, the names and the zones do not say the same hosts",
            "say one of them: simulacra lab up --zones a,b/c,d,e",
        )
    return planned


def _row(host: Host) -> dict[str, Any]:
    state = "down" if not host.pid else "stopped" if host.is_stopped() else "up"
    return {
        "host": host.name,
        "state": state,
        "node": "up" if host.pid and host.node_pid() else "-",
        "address": host.address,
        "zone": host.zone,
        "processes": len(list(host.processes())),
    }


def _show(lab: RunningLab, which: Which) -> None:
    """Show the state after a change."""
    if which.json:
        output.document(lab.status())
        return
    for line in lab.status()["links"]:
        output.message(line)
