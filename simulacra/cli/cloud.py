"""``cloud``: machines that are rented, and let go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cyclopts import App

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Settings
from simulacra.actors.units import show_age
from simulacra.cli import inventories, output
from simulacra.cli.inventories import InventoryFile
from simulacra.cli.options import COMMON, Common, Duration

if TYPE_CHECKING:
    from simulacra.hosts.provision.cloud.machines import Machine
    from simulacra.hosts.provision.cloud.renting import Renting

_INVITED_FOR = 3600.0

app = App(name="cloud")


@app.default
def list_(*, inventory: InventoryFile = None, common: Common = COMMON) -> None:
    """Show the machines that are rented for this network, in all clouds of the inventory.

    For example:

    - `simulacra cloud`
    - `simulacra cloud create worker1 --template small`
    - `simulacra cloud destroy worker1`
    - `simulacra cloud reap`

    Args:
        inventory: The inventory's file.
        common: Options of all commands.
    """
    with _renting(inventory, common) as (renting, known):
        found, lost = renting.machines(), set(renting.orphans(known))
    if common.json:
        output.document(
            {"machines": [{**each.to_plain(), "orphan": each in lost} for each in found]}
        )
        return
    output.table(
        ("host", "machine", "template", "state", "addresses", "rented", "remark"),
        [_line(each, "an orphan: simulacra cloud reap" if each in lost else "") for each in found],
    )


app.command(list_, name="list")


@app.command
def create(
    host: str,
    /,
    *,
    template: str | None = None,
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> None:
    """Rent a machine that joins this network by itself, as a host of this name.

    If there is one already, nothing is made: the same may be typed again after any failure. It
    gets an invitation, good once and for an hour, so this is typed where the owner's key is.

    For example:

    - `simulacra cloud create worker1`
    - `simulacra cloud create worker2 --template small`

    Args:
        host: Its name in the network.
        template: What it is made by, of the inventory's clouds; by default as the host says there.
        inventory: The inventory's file.
        common: Options of all commands.
    """
    with _renting(inventory, common) as (renting, _):
        rented = renting.create(host, lambda: _join(common), template)
    machine = rented.machine
    if common.json:
        output.document({**machine.to_plain(), "new": rented.is_new})
        return
    where = f"{machine.id}, by the template {machine.cloud}"
    output.message(f"{host} is {'rented' if rented.is_new else 'rented already'}: {where}")


@app.command
def destroy(host: str, /, *, inventory: InventoryFile = None, common: Common = COMMON) -> None:
    """Let go of a rented machine, with its disk.

    What still runs on it is lost: have it leave first (simulacra sleep HOST --poweroff). For good
    is a host gone when it is expelled, too.

    For example:

    - `simulacra cloud destroy worker1`

    Args:
        host: Its name in the network.
        inventory: The inventory's file.
        common: Options of all commands.
    """
    with _renting(inventory, common) as (renting, _):
        found = renting.destroy(host)
    if common.json:
        output.document({"host": host, "destroyed": [each.to_plain() for each in found]})
        return
    for each in found:
        output.message(f"{host} is let go: {each.id}")
    if not found:
        output.message(f"no cloud has {host} any more; nothing is kept of it")


@app.command
def reap(
    *,
    yes: bool = False,
    grace: Duration | None = None,
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> None:
    """Let go of machines that are marked as this network's, and that nobody knows any more.

    Those are not in the inventory, were not rented from here, and are no hosts of the network; or
    they are a host that another machine is, too. Without --yes they are only shown.

    For example:

    - `simulacra cloud reap`
    - `simulacra cloud reap --yes`

    Args:
        yes: Do it.
        grace: How long a machine may exist without being known; 15m unless said.
        inventory: The inventory's file.
        common: Options of all commands.
    """
    with _renting(inventory, common) as (renting, known):
        found = (renting.reap if yes else renting.orphans)(known, grace)
    if common.json:
        output.document({"orphans": [each.to_plain() for each in found], "destroyed": yes})
        return
    for each in found:
        output.data(f"{each.host} ({each.id}, rented {_age(each)} ago)")
    if found and not yes:
        output.message(f"{len(found)} orphans; let go of them: simulacra cloud reap --yes")
    else:
        output.message(f"{len(found)} orphans let go" if found else "there are no orphans")


@contextmanager
def _renting(said: InventoryFile, common: Common) -> Iterator[tuple[Renting, set[str]]]:
    """What rents, and the hosts that the network knows; what goes wrong is told."""
    inventory = inventories.load(said)
    # Only who rents needs these, and the libraries that they need.
    from simulacra.cli.enrolling import enrolling, settings_of  # noqa: PLC0415
    from simulacra.hosts.provision.cloud.errors import CloudError  # noqa: PLC0415
    from simulacra.hosts.provision.cloud.records import Records  # noqa: PLC0415
    from simulacra.hosts.provision.cloud.renting import Renting  # noqa: PLC0415

    settings = settings_of(common)
    charter = enrolling(settings).charter
    if charter is not None and charter.network != inventory.network.name:
        raise GatewayError(
            ErrorCode.USAGE,
            f"the inventory is of the network {inventory.network.name}, and this machine is in "
            f"{charter.network}",
            "say the inventory of this network: --inventory FILE",
        )
    known = set() if charter is None else {each.host for each in charter.roll.members}
    try:
        yield Renting(inventory, Records(_file(settings))), known
    except CloudError as error:
        code = ErrorCode.NOT_FOUND if error.missing else ErrorCode.FAILED
        raise GatewayError(code, str(error), error.hint) from error


def _file(settings: Settings) -> Any:
    return settings.paths.state / "rented.json"


def _join(common: Common) -> str:
    from simulacra.cli.enrolling import invitation, settings_of  # noqa: PLC0415

    token, door = invitation(settings_of(common), "inside", _INVITED_FOR)
    return f"{token.text()}@{door}"


def _line(machine: Machine, remark: str) -> tuple[str, ...]:
    return (
        machine.host,
        machine.id,
        machine.cloud,
        str(machine.state),
        " ".join(machine.addresses) or "-",
        f"{_age(machine)} ago",
        remark,
    )


def _age(machine: Machine) -> str:
    return "?" if machine.since is None else show_age(max(0.0, time.time() - machine.since))
