"""``lab``: hosts out of namespaces on this machine, to try things out on and to break."""

from __future__ import annotations

import os
from typing import Annotated, Any

from cyclopts import App, Parameter

from simulacra.cli import output
from simulacra.cli.labs import WHICH, Which, check, opened, refusals, show
from simulacra.cli.options import Duration
from simulacra.testing.lab import Host, end, folders
from simulacra.testing.lab.plan import parse_hosts
from simulacra.testing.lab.wiring import parse_share

app = App(
    name="lab", help="Run hosts in namespaces on this machine, and cut and slow their cables."
)
app.command("simulacra.cli.lab_up:up", name="up")


@app.command
def down(*, which: Which = WHICH) -> None:
    """End a lab, and leave nothing of it behind.

    For example:

    - `sudo simulacra lab down`

    Args:
        which: Which lab.
    """
    with refusals():
        check()
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
    with opened(which) as lab:
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
    with refusals():
        check()
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
    with opened(which) as lab:
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
    with opened(which) as lab:
        lab.split(*map(parse_hosts, parts))
        show(lab, which)


@app.command
def heal(*, which: Which = WHICH) -> None:
    """Make all cables of a lab whole and fast.

    For example:

    - `sudo simulacra lab heal`

    Args:
        which: Which lab.
    """
    with opened(which) as lab:
        lab.heal()
        show(lab, which)


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
    with opened(which) as lab:
        lab.cut(host, other, one_way=one_way)
        show(lab, which)


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
    with opened(which) as lab:
        lab.slow(host, other, rate=rate, latency=latency)
        show(lab, which)


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
    with opened(which) as lab:
        lab.lose(host, other, share=parse_share(share))
        show(lab, which)


@app.command
def unplug(host: str, /, *, which: Which = WHICH) -> None:
    """Pull a host's cable.

    For example:

    - `sudo simulacra lab unplug a`

    Args:
        host: The host.
        which: Which lab.
    """
    with opened(which) as lab:
        lab.unplug(host)
        show(lab, which)


@app.command
def plug(host: str, /, *, which: Which = WHICH) -> None:
    """Put a host's cable back.

    For example:

    - `sudo simulacra lab plug a`

    Args:
        host: The host.
        which: Which lab.
    """
    with opened(which) as lab:
        lab.plug(host)
        show(lab, which)


@app.command
def stop(host: str, /, *, which: Which = WHICH) -> None:
    """Stop all processes of a host, as if it slept.

    For example:

    - `sudo simulacra lab stop a`

    Args:
        host: The host.
        which: Which lab.
    """
    with opened(which) as lab:
        lab[host].stop()
        show(lab, which)


@app.command(name="continue")
def continue_(host: str, /, *, which: Which = WHICH) -> None:
    """Let the processes of a stopped host go on.

    For example:

    - `sudo simulacra lab continue a`

    Args:
        host: The host.
        which: Which lab.
    """
    with opened(which) as lab:
        lab[host].cont()
        show(lab, which)


@app.command
def kill(host: str, /, *, which: Which = WHICH) -> None:
    """Take a host's power away; its home stays.

    For example:

    - `sudo simulacra lab kill a`

    Args:
        host: The host.
        which: Which lab.
    """
    with opened(which) as lab:
        lab[host].kill()
        show(lab, which)


@app.command
def start(host: str, /, *, which: Which = WHICH) -> None:
    """Start a host again that was killed, with its node if it had one.

    For example:

    - `sudo simulacra lab start a`

    Args:
        host: The host.
        which: Which lab.
    """
    with opened(which) as lab:
        lab[host].start(node=lab[host].had_node())
        show(lab, which)


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
