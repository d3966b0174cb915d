"""``wake`` and ``sleep``: the power of other machines."""

from __future__ import annotations

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.units import show_age
from simulacra.cli import inventories, output
from simulacra.cli.inventories import InventoryFile
from simulacra.cli.options import COMMON, Common, Period, client


def wake(
    host: str,
    /,
    *,
    wait: bool = False,
    timeout: Period = 180.0,
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> None:
    """Wake a machine that sleeps, by a magic packet from a host of its zone.

    The inventory says its zone and the MAC address of the card that wakes it; the machine has to
    be set up to be woken so (Wake-on-LAN).

    For example:

    - `simulacra wake desk`
    - `simulacra wake desk --wait`

    Args:
        host: The host, as the inventory names it.
        wait: Wait until it is back in the network.
        timeout: How long it may take.
        inventory: The inventory's file.
        common: Options of all commands.
    """
    told = inventories.host_of(inventories.load(inventory), host)
    if told.mac is None:
        raise GatewayError(
            ErrorCode.USAGE,
            f"the inventory does not say which network card wakes {host}",
            f"write it there, under [hosts.{host}]: mac = 'aa:bb:cc:dd:ee:ff'",
        )
    asked = {"host": host, "mac": told.mac, "zone": told.zone, "wait": wait}
    last: dict[str, object] = {}
    for item in client(common).items("wake", timeout=timeout, **asked):
        last |= item
        if common.json:
            continue
        if "took" in item:
            output.message(f"{host} is awake, after {show_age(item['took'])}")
        elif item["awake"]:
            output.message(f"{host} is awake already")
        else:
            output.message(f"{item['by']} has told {', '.join(item['networks'])} to wake {host}")
    if common.json:
        output.document(last)


def sleep(
    host: str,
    /,
    *,
    poweroff: bool = False,
    force: bool = False,
    timeout: Period = 90.0,
    common: Common = COMMON,
) -> None:
    """Have a machine sleep, once its work has left it.

    Its computations go to other hosts, as do the main stores of its trees; the others are told that
    it is asleep. What cannot leave keeps it awake. It is suspended by systemctl, or by what the
    setting sleep says there.

    For example:

    - `simulacra sleep desk`
    - `simulacra sleep desk --poweroff`

    Args:
        host: The host; this one too.
        poweroff: Switch it off instead.
        force: Sleep also where something stays; that goes on from its checkpoint afterwards.
        timeout: How long its work may take to leave.
        common: Options of all commands.
    """
    how = "poweroff" if poweroff else "suspend"
    done = client(common).item("sleep", timeout=timeout, host=host, how=how, force=force)
    if common.json:
        output.document(done)
        return
    for name, to in done["moved"].items():
        output.message(f"{name} is on {to} now")
    for tree, to in done["main_stores"].items():
        output.message(f"the main store of {tree} is on {to} now")
    for each in (*done["stays"], *done["notes"]):
        output.message(f"note: {each}")
    output.message(f"{host} goes to sleep" + ("" if poweroff else f"; simulacra wake {host}"))
