"""The inventory, for commands that are told what machines there are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from cyclopts import Parameter

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Paths, Settings

if TYPE_CHECKING:
    from simulacra.hosts.inventory.schema import Host, Inventory

FILE: Final = "inventory.toml"
PLAN: Final = "plan.json"
_SYSTEM: Final = Path("/etc/simulacra") / FILE
VARIABLE: Final = "SIMULACRA_INVENTORY"

InventoryFile: TypeAlias = Annotated[Path | None, Parameter(metavar="FILE")]
"""Where the inventory is, if it was said."""


def find(said: Path | None = None) -> Path:
    """The inventory's file.

    That is the one that was said, else by ``SIMULACRA_INVENTORY``, else ``inventory.toml`` or
    ``hosts/inventory.toml`` here or above, else by the setting ``inventory``, else in the user's or
    the machine's configuration. Who works in a flake means that one, whatever is set elsewhere.

    Raises:
        GatewayError: there is none.
    """
    if said is not None:
        return _there(said, "--inventory")
    if told := os.environ.get(VARIABLE):
        return _there(Path(told), VARIABLE)
    try:
        here = Path.cwd()
    except FileNotFoundError:  # it was removed
        here = Path("/")
    places = [below / name for below in (here, *here.parents) for name in (FILE, f"hosts/{FILE}")]
    if found := _first(places):
        return found.relative_to(here) if found.is_relative_to(here) else found
    if told := Settings.load(folder=here).inventory:
        return _there(Path(told), "the setting inventory")
    if found := _first([Paths.find().config / FILE, _SYSTEM]):
        return found
    raise GatewayError(
        ErrorCode.NOT_FOUND,
        f"there is no {FILE} here, above, or in {Paths.find().config}",
        f"say where it is: --inventory FILE, {VARIABLE}=FILE, or the setting inventory",
    )


def _first(places: Iterable[Path]) -> Path | None:
    return next((each for each in places if each.is_file()), None)


def _there(told: Path, by: str) -> Path:
    if told.is_file():
        return told
    raise GatewayError(
        ErrorCode.NOT_FOUND, f"there is no inventory {told}, which {by} says", "say another"
    )


@dataclass(frozen=True)
class Opened:
    """An inventory's file, as it was read once.

    Attributes:
        file: where it is.
        content: its bytes.
        inventory: what it says.
    """

    file: Path
    content: bytes
    inventory: Inventory

    @property
    def sha256(self) -> str:
        """What the plan names the file by."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def plan_file(self) -> Path:
        """Where its plan is."""
        return self.file.with_name(PLAN)


def load(said: Path | None = None) -> Inventory:
    """The inventory.

    Raises:
        GatewayError: there is none, or something in it is wrong.
    """
    return opened(said).inventory


def opened(said: Path | None = None) -> Opened:
    """The inventory with its file.

    Raises:
        GatewayError: there is none, or something in it is wrong.
    """
    file = find(said)
    try:
        content = file.read_bytes()
        return Opened(file, content, checked(file, content.decode()))
    except (OSError, UnicodeDecodeError) as error:
        raise GatewayError(ErrorCode.USAGE, f"{file} cannot be read: {error}", "") from error


def checked(file: Path, text: str, *, is_edit: bool = False) -> Inventory:
    """An inventory's text, which is or is to be a file's, as an inventory.

    Raises:
        GatewayError: something in it is wrong; says everything that is.
    """
    with refusals(file, is_edit=is_edit):
        # It needs what is an extra, for those who have an inventory.
        from simulacra.hosts.inventory.reading import read  # noqa: PLC0415

        return read(text)


@contextmanager
def refusals(file: Path, *, is_edit: bool) -> Iterator[None]:
    """Have whatever is wrong with an inventory end the command, all of it at once.

    Args:
        file: the inventory's.
        is_edit: whether what is wrong is to come into the file, and does not stand there.
    """
    from simulacra.hosts.inventory.problems import InventoryError, shown  # noqa: PLC0415 (few need it)

    try:
        yield
    except ModuleNotFoundError as error:
        raise GatewayError(
            ErrorCode.FAILED,
            f"an inventory cannot be read here: {error}",
            "install it: pip install 'simulacra[hosts]'",
        ) from error
    except InventoryError as error:
        if is_edit:
            listed = "".join(f"\n  {shown(each.path)}: {each.text}" for each in error.problems)
            raise GatewayError(
                ErrorCode.USAGE,
                f"nothing is changed, since {file} would be refused:{listed}",
                "say it otherwise; what there may be: simulacra hosts add --help",
            ) from error
        listed = "".join(f"\n  {problem}" for problem in error.problems)
        raise GatewayError(
            ErrorCode.USAGE,
            f"{file} is refused:{listed}",
            f"when that is mended: simulacra hosts check --inventory {file}",
        ) from error


def host_of(inventory: Inventory, name: str) -> Host:
    """A host of the inventory.

    Raises:
        GatewayError: it has none of that name.
    """
    host = inventory.hosts.get(name)
    if host is None:
        near = get_close_matches(name, inventory.hosts, 1)
        listed = f"; it has: {', '.join(inventory.hosts) or 'none'}"
        meant = f"; did you mean {near[0]}?" if near else listed
        raise GatewayError(
            ErrorCode.NOT_FOUND,
            f"the inventory has no host {name}{meant}",
            f"to put it in: simulacra hosts add {name} --zone ZONE",
        )
    return host
