"""``hosts add``, ``remove`` and ``key``: edits of the inventory, each with the plan that follows.

The inventory is a file for people and their version control. What is edited here is checked as a
whole, with its plan, before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import inventories, planning
from simulacra.cli.inventories import InventoryFile, Opened
from simulacra.cli.options import COMMON, Common
from simulacra.cli.planning import Draft

if TYPE_CHECKING:
    from simulacra.hosts.inventory.schema import Host

_BRACKETS: Final = re.compile(r"\[([^\]]*)\](?::(\d+))?")
_PLAIN: Final = re.compile(r"([^:]*):(\d+)")


@Parameter(name="*")
@dataclass(frozen=True)
class Fields:
    """What the inventory is to say of a host.

    Attributes:
        kind: What runs on it: node, phone or appliance.
        role: A role it has; may be given several times.
        tag: A tag it has; may be given several times.
        wireguard: Its public key, as `simulacra-overlay-helper --show-key` says there.
        endpoint: HOST or HOST:PORT where it answers from outside; without one it is behind NAT.
        lan: HOST or HOST:PORT where it answers in its zone; may be given several times.
        relay: Have it forward between hosts that do not reach each other.
        address: Its IPv4 address in the overlay, instead of one by its name.
        port: Its UDP port in the overlay.
        system: Nix's name of its platform.
        ssh: USER@HOST:PORT that it is deployed to; user and port may be left out.
        ssh_key: The public key of its ssh server.
        sudo: Have that user become root by sudo.
        mac: The MAC address of the card that wakes it.
        cloud: The template that it is rented by.
    """

    kind: str = ""
    role: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    wireguard: str = ""
    endpoint: tuple[str, ...] = ()
    lan: tuple[str, ...] = ()
    relay: bool = False
    address: str = ""
    port: int | None = None
    system: str = ""
    ssh: str = ""
    ssh_key: str = ""
    sudo: bool = False
    mac: str = ""
    cloud: str = ""

    def told(self, zone: str) -> dict[str, Any]:
        """As the inventory says it; what was not given is left out."""
        fields = {
            "kind": self.kind,
            "zone": zone,
            "roles": list(self.role),
            "tags": list(self.tag),
            "system": self.system,
            "address": self.address,
            "wireguard": self.wireguard,
            "port": self.port,
            "endpoints": list(self.endpoint),
            "lan": list(self.lan),
            "relay": self.relay,
            "ssh": self._ssh(),
            "mac": self.mac,
            "cloud": self.cloud,
        }
        return _said(fields)

    def _ssh(self) -> dict[str, Any]:
        user, _, destination = self.ssh.rpartition("@")
        # As in [2001:db8::1]:22; without brackets all of an IPv6 address is one.
        found = _BRACKETS.fullmatch(destination) or _PLAIN.fullmatch(destination)
        host, port = found.groups() if found else (destination, None)
        fields = {
            "host": host,
            "user": user,
            "port": int(port) if port else None,
            "public_key": self.ssh_key,
            "sudo": self.sudo,
        }
        return _said(fields)


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    """Those that were given; 0 is a number as any other."""
    return {name: value for name, value in fields.items() if value or type(value) is int}


FIELDS = Fields()


def add(
    name: str,
    /,
    *,
    zone: str,
    fields: Fields = FIELDS,
    force: bool = False,
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> None:
    """Add a host to the inventory, and plan anew. Comments and order of the file stay.

    A host without a key has a place in the plan, and nobody who speaks to it: its key is made on
    the host itself.

    For example:

    - `simulacra hosts add desk --zone home --lan 192.168.1.20 --ssh ann@desk.local --sudo`
    - `simulacra hosts add vm --zone cloud --endpoint vm.example.org --relay --tag servers`

    Args:
        name: The host's name.
        zone: The zone it belongs to: one LAN, one cloud region.
        fields: What the inventory is to say of it.
        force: Do it also where it cuts off the host that this is.
        inventory: Where the inventory is; found from the current folder upwards otherwise.
        common: Options of all commands.
    """
    from simulacra.hosts.inventory import editing  # noqa: PLC0415 (an extra)

    opened = inventories.opened(inventory)
    made = _edited(opened, partial(editing.add, name=name, fields=fields.told(zone)))
    planning.put_and_tell(made, f"{name} is in {opened.file} now", force=force, common=common)


def remove(
    name: str,
    /,
    *,
    force: bool = False,
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> None:
    """Expel a host: take it out of the inventory, with the comment above it, and plan anew.

    It is out when the others have the new plan. What is to take effect at once everywhere, its
    node's admission, is `simulacra expel NAME`.

    For example:

    - `simulacra hosts remove attic`

    Args:
        name: The host's name.
        force: Do it also where it cuts off the host that this is.
        inventory: Where the inventory is; found from the current folder upwards otherwise.
        common: Options of all commands.
    """
    from simulacra.hosts.inventory import editing  # noqa: PLC0415 (an extra)

    opened = inventories.opened(inventory)
    inventories.host_of(opened.inventory, name)
    made = _edited(opened, partial(editing.remove, name=name))
    planning.put_and_tell(made, f"{name} is in {opened.file} no more", force=force, common=common)


def key(
    name: str,
    # A key in base64 never begins with a hyphen.
    key: str = "",
    /,
    *,
    next_: Annotated[bool, Parameter(name="--next")] = False,
    turn: bool = False,
    force: bool = False,
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> None:
    """Say a host's public key in the inventory, and plan anew.

    A host that has a key gets another one in two steps: first all others take both, then the old
    one is dropped.

    For example:

    - `simulacra hosts key desk tvrchsghrqcUSqPzGXhdbOc+ioomltpW181KToAUTzc=`
    - `simulacra hosts key desk --next hwJGiJQRG4CRo5wKZQ0e/rpuiTJeF4mj5SEVSO6N9SA=`
    - `simulacra hosts key desk --turn`

    Args:
        name: The host's name.
        key: Its public key, as that host shows it.
        next_: The key is the one that it will have next; the others let it in by both.
        turn: The next key is the only one from now on.
        force: Do it also where it cuts off the host that this is.
        inventory: Where the inventory is; found from the current folder upwards otherwise.
        common: Options of all commands.
    """
    from simulacra.hosts.inventory import editing  # noqa: PLC0415 (an extra)

    opened = inventories.opened(inventory)
    fields = _keys(inventories.host_of(opened.inventory, name), name, key, is_next=next_, turn=turn)
    made = _edited(opened, partial(editing.change, name=name, fields=fields))
    done = f"{name} has that key in {opened.file} now"
    planning.put_and_tell(made, done, force=force, common=common)


def _keys(host: Host, name: str, key: str, *, is_next: bool, turn: bool) -> dict[str, str | None]:
    """The keys that a host is to have in the inventory."""
    if bool(key) == turn or (is_next and turn):
        raise GatewayError(
            ErrorCode.USAGE,
            "either a key is said, or the host turns to its next one",
            "see: simulacra hosts key --help",
        )
    if turn and host.next is None:
        raise GatewayError(
            ErrorCode.USAGE,
            f"{name} has no next key to turn to",
            f"say it first: simulacra hosts key {name} --next KEY",
        )
    if turn:
        return {"wireguard": host.next, "next": None}
    return {"next": key} if is_next else {"wireguard": key}


def _edited(opened: Opened, edit: Callable[[str], str]) -> Draft:
    """The inventory as an edit of its text leaves it, with its plan.

    Raises:
        GatewayError: it cannot be done, or what comes of it is refused.
    """
    from simulacra.hosts.inventory.editing import EditError  # noqa: PLC0415 (an extra)

    try:
        text = edit(opened.content.decode())
    except EditError as error:
        raise GatewayError(ErrorCode.USAGE, str(error), "see: simulacra hosts list") from error
    return planning.edited(opened, text)
