"""``hosts drift``: whether hosts run what the flake says."""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from simulacra.cli import hosts_source, output
from simulacra.cli.exits import ExitCode
from simulacra.cli.inventories import InventoryFile
from simulacra.cli.options import COMMON, Common
from simulacra.hosts.deploy.children import Children
from simulacra.hosts.deploy.drift import State, drifts
from simulacra.hosts.deploy.nix import Nix, check_tools
from simulacra.hosts.deploy.progress import Lines
from simulacra.hosts.deploy.selecting import select
from simulacra.hosts.deploy.ssh import Connections
from simulacra.hosts.deploy.stopping import stopped


def drift(
    *which: Annotated[str, Parameter(name="HOST")],
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> int:
    """Compare the systems that hosts run with those that your flake has for them.

    Nothing is built. The exit code is 1 where a host runs something else, or that is not known.

    For example:

    - `simulacra hosts drift`
    - `simulacra hosts drift nas @servers --json`

    Args:
        which: Hosts, or @TAG for all hosts with a tag; all that are deployed to if left out.
        inventory: Where the inventory is, in your flake; found from the current folder upwards
            otherwise.
        common: Options of all commands.
    """
    source = hosts_source.load(inventory)
    hosts = select(source.inventory, which).hosts
    check_tools("ssh", "nix")
    children, stopping = Children(), threading.Event()
    by_ssh = source.reached(hosts)
    with (
        stopped(stopping, children, children, Lines()),
        Connections(by_ssh, children) as by,
    ):
        found = drifts(hosts, Nix(source.flake, children), by)
    if stopping.is_set():
        raise KeyboardInterrupt
    if common.json:
        output.document({"hosts": list(map(asdict, found))})
    else:
        output.table(
            ("host", "state", "runs", "should run", "why"),
            [
                (each.host, each.state.value, each.running or "-", each.evaluated or "-", each.why)
                for each in found
            ],
        )
    same = all(each.state is State.SAME for each in found)
    return ExitCode.OK if same else ExitCode.FAILED
