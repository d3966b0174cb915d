"""Machines that there are only as long as this process: to try things out, and for demos."""

from __future__ import annotations

from collections.abc import Sequence

from libcloud.compute.drivers.dummy import DummyNodeDriver

from simulacra.hosts.provision.cloud import _libcloud as common
from simulacra.hosts.provision.cloud.machines import Machine, Order

_TAGS = "tags"


class Dummy:
    """See `Driver`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._driver = DummyNodeDriver(0)

    def machines(self, network: str) -> Sequence[Machine]:
        """All that are marked as a network's."""
        found = (
            common.as_machine(each, each.extra.get(_TAGS, {}), network, self._name)
            for each in self._driver.list_nodes()
        )
        return [each for each in found if each is not None]

    def create(self, order: Order) -> Machine:
        """Make one that runs nothing."""
        node = self._driver.create_node(order.host, None, None)
        node.id, node.extra[_TAGS] = order.token[:12], order.tags  # its own ids come twice
        machine = common.as_machine(node, order.tags, order.network, self._name)
        assert machine is not None  # noqa: S101 (it has these tags)
        return machine

    def destroy(self, machine: Machine) -> None:
        """Forget it."""
        for node in list(self._driver.list_nodes()):
            if str(node.id) == machine.id:
                self._driver.destroy_node(node)
