"""``run``: a command where the current directory lies, and why there."""

from __future__ import annotations

import os
import shlex
from typing import Annotated, Any

from cyclopts import Parameter

from simulacra.actors.data.entries import shown
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.units import show_seconds
from simulacra.cli import output, running, tree_running
from simulacra.cli.options import COMMON, Common


def run(
    *command: Annotated[str, Parameter(name="COMMAND")],
    on: str | None = None,
    best: bool = False,
    explain: bool = False,
    common: Common = COMMON,
) -> int:
    """Run a command on the host where the current directory lies, in the same directory there.

    That is another host where the directory is mounted from one (sshfs, nfs, cifs, 9p). In a tree
    it is the host where it costs least, of those that have all of it: edits are brought there
    first, and results come back. Else it is this one. On an appliance of the inventory, which has
    no node, it runs in the home there, by ssh. The command has this terminal, its input, output and
    signals, and its exit code is returned; 125 where Simulacra itself failed. Options stand before
    the command.

    For example:

    - `simulacra run make -j8`
    - `simulacra run --on nas -- du -sh /srv`
    - `simulacra run --explain make`

    Args:
        command: The command and its arguments.
        on: The host to run it on; the directory is the same there.
        best: Run it here where that costs less, as the shell's hook does.
        explain: Say where it would run, and why; run nothing.
        common: Options of all commands.
    """
    if not command:
        raise GatewayError(
            ErrorCode.USAGE, "which command is to run?", "as in: simulacra run make -j8"
        )
    request = running.Request(tuple(command), on, best, common.node)
    if not explain:
        return running.main(request)
    try:
        found = running.place(request, runs=False)
    except GatewayError as failure:
        appliance = running.by_ssh(request, failure)
        if appliance is None:
            raise
        found = running.stays(os.getcwd(), "the inventory says that it has no node")  # noqa: PTH109
        found |= {"host": on, "here": False, "path": b"", "via": shlex.join(appliance)}
    if found is None:
        found = running.stays(os.getcwd(), "no node is up here")  # noqa: PTH109
    _explain(found, as_json=common.json)
    return 0


def _explain(found: dict[str, Any], *, as_json: bool) -> None:
    path = shown(found["path"])
    if as_json:
        told = {
            key: value for key, value in found.items() if key not in {"proof", "habit", "below"}
        }
        output.document({**told, "path": path, "proved": found["proof"] is None})
        return
    where = "here" if found["here"] else f"on {found['host']}, in {path or 'the home there'}"
    output.data(f"it would run {where}")
    output.data(found["via"])
    output.data(found["why"])
    if found["proof"] is not None:
        output.data("that this is the same directory is proved first, by a file written here")
    if found["chain"]:
        output.data(
            f"\nseconds here {show_seconds(found['seconds_here'])}, "
            f"there {show_seconds(found['seconds_there'])}"
        )
        if found["tree"] is not None:
            headings = ("sides", "display edit command", "sum", "moved", "remark")
            output.table(headings, tree_running.rows(found))
            return
        output.table(
            ("display command data", "sum", "remark"),
            [
                (
                    " ".join(row["places"]),
                    show_seconds(row["seconds"]),
                    "best" if row["best"] else "",
                )
                for row in found["chain"]
            ],
        )
