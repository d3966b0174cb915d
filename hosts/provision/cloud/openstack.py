"""Machines of OpenStack: keystone says who we are, nova has the machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libcloud.common.exceptions import BaseHTTPError
from libcloud.compute.base import Node
from libcloud.compute.drivers.openstack import (
    OpenStack_2_NodeDriver,
    OpenStackNetwork,
    OpenStackSecurityGroup,
)

from simulacra.hosts.inventory.schema import Cloud
from simulacra.hosts.provision.cloud import _libcloud as common
from simulacra.hosts.provision.cloud.credentials import Credentials
from simulacra.hosts.provision.cloud.drivers import PATIENCE
from simulacra.hosts.provision.cloud.errors import CloudError
from simulacra.hosts.provision.cloud.machines import Machine, Order

_NOT_FOUND = 404


class OpenStack:
    """See `Driver`; the template's endpoint is keystone's.

    The template's options: ``keyname``, ``networks`` (ids) and ``security_groups`` (names), with
    commas between. Nova knows no tokens, so what is made twice at once is found by its tags.
    """

    def __init__(self, name: str, template: Cloud, credentials: Credentials) -> None:
        if not template.endpoint:
            raise CloudError(
                f"the template {name} does not say where keystone is",
                "as in: endpoint = 'https://cloud.example:5000'",
            )
        self._name = name
        self._secrets = credentials.secrets
        with common.told(f"OpenStack by the template {name}", self._secrets):
            self._driver = OpenStack_2_NodeDriver(
                credentials["OS_USERNAME"],
                credentials["OS_PASSWORD"],
                ex_force_auth_url=template.endpoint,
                ex_force_auth_version="3.x_password",
                ex_tenant_name=credentials["OS_PROJECT_NAME"],
                ex_domain_name=credentials.get("OS_USER_DOMAIN_NAME", "Default"),
                ex_force_service_region=template.region or None,
                timeout=PATIENCE,
            )

    def machines(self, network: str) -> Sequence[Machine]:
        """All that are marked as a network's."""
        with common.told("OpenStack does not list its machines", self._secrets):
            nodes = self._driver.list_nodes()
        found = (
            common.as_machine(each, each.extra["metadata"], network, self._name) for each in nodes
        )
        return [each for each in found if each is not None and each.lives]

    def create(self, order: Order) -> Machine:
        """Make a machine, marked from the start."""
        with common.told(f"OpenStack does not make {order.host}", self._secrets):
            # Nova's answer has little more than an id.
            made = self._driver.create_node(
                name=f"{order.network}-{order.host}",
                image=common.image(order.template, self._driver),
                size=common.size(order.template, self._driver),
                ex_userdata=order.user_data,
                ex_metadata=order.tags,
                **self._where(order.template),
            )
        machine = common.as_machine(made, order.tags, order.network, self._name)
        assert machine is not None  # noqa: S101 (it has these tags)
        return machine

    def _where(self, template: Cloud) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if template.options.get("keyname"):
            told["ex_keyname"] = str(template.options["keyname"])
        if networks := common.words(template, "networks"):
            told["networks"] = [OpenStackNetwork(each, "", "", self._driver) for each in networks]
        if groups := common.words(template, "security_groups"):
            told["ex_security_groups"] = [
                OpenStackSecurityGroup("", "", each, "", self._driver) for each in groups
            ]
        return told

    def destroy(self, machine: Machine) -> None:
        """Delete it."""
        with common.told(f"OpenStack does not let go of {machine.host}", self._secrets):
            try:
                self._driver.destroy_node(
                    Node(machine.id, machine.host, None, [], [], self._driver)
                )
            except BaseHTTPError as error:
                if error.code != _NOT_FOUND:
                    raise
