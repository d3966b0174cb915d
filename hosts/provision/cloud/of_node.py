"""A node's provisioner: it rents by an inventory's file as that is at each order.

It runs where the setting ``inventory`` says a file. It rents for the node's own network alone, and
whom that has let in is nobody's orphan.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from simulacra.actors.runtime.childspec import ChildSpec
from simulacra.hosts.inventory.problems import InventoryError
from simulacra.hosts.inventory.reading import read
from simulacra.hosts.provision.cloud.actor import provisioner_spec
from simulacra.hosts.provision.cloud.errors import CloudError
from simulacra.hosts.provision.cloud.records import Records
from simulacra.hosts.provision.cloud.renting import Renting

if TYPE_CHECKING:
    from simulacra.actors.node import Node


class Current:
    """What rents by an inventory's file; another one when the file is.

    Args:
        file: the inventory's.
        records: what was rented here.
        network: the network that this host is in, None without one.
    """

    def __init__(self, file: Path, records: Records, network: Callable[[], str | None]) -> None:
        self._file, self._records, self._network = file, records, network
        self._text = ""
        self._renting: Renting | None = None

    def __call__(self) -> Renting:
        """What rents now.

        Raises:
            CloudError: the inventory cannot be used, or is of another network.
        """
        try:
            text = self._file.read_text()
            if self._renting is None or text != self._text:
                inventory = read(text)
                self._check(inventory.network.name)
                self._renting, self._text = Renting(inventory, self._records), text
        except (OSError, UnicodeDecodeError, InventoryError) as error:
            raise CloudError(
                f"the inventory {self._file} cannot be used: {error}",
                f"there: simulacra hosts check --inventory {self._file}",
            ) from error
        return self._renting

    def _check(self, network: str) -> None:
        mine = self._network()
        if mine not in {None, network}:
            raise CloudError(
                f"the inventory {self._file} is of the network {network}, and this host is in "
                f"{mine}",
                "say the inventory of this network there: the setting inventory",
            )


def node_spec(node: Node) -> ChildSpec:
    """The provisioner of a node, for the node's tree."""

    def network() -> str | None:
        charter = node.enrolment.charter
        return None if charter is None else charter.network

    def members() -> set[str]:
        charter = node.enrolment.charter
        return set() if charter is None else {each.host for each in charter.roll.members}

    settings = node.settings
    records = Records(settings.paths.state / "rented.json")
    return provisioner_spec(Current(Path(settings.inventory), records, network), members)
