"""A cloud, as renting sees it: it lists, makes and destroys the machines of one network.

Which library speaks to it is the template's choice; each is imported when a template needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from simulacra.hosts.inventory.schema import Cloud
from simulacra.hosts.provision.cloud.credentials import Credentials, find
from simulacra.hosts.provision.cloud.errors import CloudError
from simulacra.hosts.provision.cloud.machines import Machine, Order

PATIENCE: Final = 30.0
"""Seconds that a cloud may take for one answer."""


class Driver(Protocol):
    """The machines of one account; all raise `CloudError`."""

    def machines(self, network: str) -> Sequence[Machine]:
        """All that are marked as a network's, and have not been destroyed."""
        ...

    def create(self, order: Order) -> Machine:
        """Make a machine.

        Raises:
            TakenError: the order was taken before.
        """
        ...

    def destroy(self, machine: Machine) -> None:
        """Let a machine go, with its disk; no error where it is gone."""
        ...


Opener = Callable[[str, Cloud], Driver]


def open_driver(name: str, template: Cloud) -> Driver:
    """The driver for a template.

    Args:
        name: the template's.
        template: the template.

    Raises:
        CloudError: there are no credentials for it, its options are wrong, or a library is missing.
    """
    try:
        return _made(name, template, find(template))
    except ModuleNotFoundError as error:
        raise CloudError(
            f"the template {name} cannot be used here: {error}",
            "install it: pip install 'simulacra[cloud]'",
        ) from error


def _made(name: str, template: Cloud, credentials: Credentials) -> Driver:
    match template.driver:
        case "ec2":
            from simulacra.hosts.provision.cloud.ec2 import Ec2  # noqa: PLC0415

            return Ec2(name, template, credentials)
        case "openstack":
            from simulacra.hosts.provision.cloud.openstack import OpenStack  # noqa: PLC0415

            return OpenStack(name, template, credentials)
        case "opennebula":
            from simulacra.hosts.provision.cloud.opennebula import OpenNebula  # noqa: PLC0415

            return OpenNebula(name, template, credentials)
        case "dummy":
            from simulacra.hosts.provision.cloud.dummy import Dummy  # noqa: PLC0415

            return Dummy(name)
