"""The inventory, for commands that are told what machines there are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import Parameter

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Paths

if TYPE_CHECKING:
    from simulacra.hosts.inventory.schema import Host, Inventory

FILE: Final = "inventory.toml"
VARIABLE: Final = "SIMULACRA_INVENTORY"

InventoryFile: TypeAlias = Annotated[Path | None, Parameter(metavar="FILE")]
"""Where the inventory is, if it was said."""


def find(said: Path | None = None) -> Path:
    """The inventory's file.

    That is the one that was said, else by ``SIMULACRA_INVENTORY``, else ``inventory.toml`` or
    ``hosts/inventory.toml`` here or above, else in the user's configuration.

    Raises:
        GatewayError: there is none.
    """
    told = said or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if told is not None:
        if told.is_file():
            return told
        raise GatewayError(ErrorCode.NOT_FOUND, f"there is no inventory {told}", "say another")
    here = Path.cwd()
    places = [
        below / name for below in (here, *here.parents) for name in (FILE, f"hosts/{FILE}")
    ] + [Paths.find().config / FILE]
    found = next((each for each in places if each.is_file()), None)
    if found is None:
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"there is no {FILE} here, above, or in {Paths.find().config}",
            f"say where it is: --inventory FILE, or {VARIABLE}=FILE",
        )
    return found


def load(said: Path | None = None) -> Inventory:
    """The inventory.

    Raises:
        GatewayError: there is none, or something in it is wrong.
    """
    file = find(said)
    try:
        # An extra, which only who has an inventory needs.
        from simulacra.hosts.inventory.problems import InventoryError  # noqa: PLC0415
        from simulacra.hosts.inventory.reading import read  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise GatewayError(
            ErrorCode.FAILED,
            f"an inventory cannot be read here: {error}",
            "install it: pip install 'simulacra[hosts]'",
        ) from error
    try:
        return read(file.read_text())
    except (OSError, UnicodeDecodeError, InventoryError) as error:
        raise GatewayError(
            ErrorCode.USAGE, f"{file}: {error}", f"see: simulacra hosts check {file}"
        ) from error


def host_of(inventory: Inventory, name: str) -> Host:
    """A host of the inventory.

    Raises:
        GatewayError: it has none of that name.
    """
    host = inventory.hosts.get(name)
    if host is None:
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"the inventory has no host {name}; it has: {', '.join(inventory.hosts) or 'none'}",
            f"put it in: simulacra hosts add {name}",
        )
    return host
