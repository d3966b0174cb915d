"""``lab``: hosts out of namespaces on this machine, looked at, entered, stopped and started."""

from __future__ import annotations

import os
from typing import Annotated, Any

from cyclopts import App, Parameter

from simulacra.cli import output
from simulacra.cli.labs import WHICH, Which, check, opened, refusals, show
from simulacra.testing.lab import Host, end, folders

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
    /,
    # Options after its name are its own: see `simulacra.cli.main`.
    *command: Annotated[str, Parameter(allow_leading_hyphen=True)],
    which: Which = WHICH,
) -> None:
    """Run a command on a host, or a shell where none is given; its exit code is the command's.

    What follows the command's name is all its own, options too.

    For example:

    - `sudo simulacra lab exec a`
    - `sudo simulacra lab exec a simulacra status --json`
    - `sudo simulacra lab exec --lab big a ping -c1 b`

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


for _name in ("split", "heal", "cut", "slow", "loss", "unplug", "plug"):
    app.command(f"simulacra.cli.lab_cables:{_name}", name=_name)


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
