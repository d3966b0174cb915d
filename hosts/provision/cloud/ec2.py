"""Machines of Amazon's EC2, and of what speaks like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from libcloud.compute.base import Node
from libcloud.compute.drivers.ec2 import (
    API_VERSION,
    EC2Connection,
    EC2NetworkSubnet,
    EC2NodeDriver,
    EC2Response,
    IdempotentParamError,
)

from simulacra.hosts.inventory.schema import Cloud
from simulacra.hosts.provision.cloud import _libcloud as common
from simulacra.hosts.provision.cloud.credentials import Credentials
from simulacra.hosts.provision.cloud.drivers import PATIENCE
from simulacra.hosts.provision.cloud.errors import TakenError
from simulacra.hosts.provision.cloud.machines import NETWORK_TAG, Machine, Order

_SHORT: Final = f'doc/{API_VERSION}"'
_GONE: Final = "InvalidInstanceID.NotFound"


class _Response(EC2Response):  # type: ignore[misc]
    """An answer of Amazon's, or of one that leaves the slash at its namespace's end away."""

    body: str

    def parse_body(self) -> Any:
        self.body = self.body.replace(_SHORT, f'doc/{API_VERSION}/"')
        return super().parse_body()


class _Connection(EC2Connection):  # type: ignore[misc]
    responseCls = _Response  # noqa: N815 (libcloud's name)


class _Driver(EC2NodeDriver):  # type: ignore[misc]
    connectionCls = _Connection  # noqa: N815 (libcloud's name)


class Ec2:
    """See `Driver`.

    The template's options: ``keyname``, ``subnet``, ``security_groups`` (ids, with commas between),
    ``public_ip`` (whether it gets one).
    """

    def __init__(self, name: str, template: Cloud, credentials: Credentials) -> None:
        self._name = name
        self._secrets = credentials.secrets
        with common.told(f"EC2 by the template {name}", self._secrets):
            self._driver = _Driver(
                credentials["AWS_ACCESS_KEY_ID"],
                credentials["AWS_SECRET_ACCESS_KEY"],
                region=template.region or "us-east-1",
                token=credentials.get("AWS_SESSION_TOKEN"),
                signature_version="4",
                timeout=PATIENCE,
                **common.endpoint(template),
            )

    def machines(self, network: str) -> Sequence[Machine]:
        """All that are marked as a network's."""
        with common.told("EC2 does not list its machines", self._secrets):
            nodes = self._driver.list_nodes(ex_filters={f"tag:{NETWORK_TAG}": network})
        found = (common.as_machine(each, _tags(each), network, self._name) for each in nodes)
        return [each for each in found if each is not None and each.lives]

    def create(self, order: Order) -> Machine:
        """Make a machine; tags and token go with the order, so that none is without."""
        with common.told(f"EC2 does not make {order.host}", self._secrets):
            try:
                node = self._driver.create_node(
                    name=f"{order.network}-{order.host}",
                    image=common.image(order.template, self._driver),
                    size=common.size(order.template, self._driver),
                    ex_userdata=order.user_data,
                    ex_clienttoken=order.token,
                    ex_metadata=order.tags,
                    **_where(order.template),
                )
            except IdempotentParamError as error:
                raise TakenError(f"EC2 has {order.host} already") from error
        machine = common.as_machine(node, order.tags, order.network, self._name)
        assert machine is not None  # noqa: S101 (it has these tags)
        return machine

    def destroy(self, machine: Machine) -> None:
        """Terminate it."""
        with common.told(f"EC2 does not let go of {machine.host}", self._secrets):
            node = Node(machine.id, machine.host, None, [], [], self._driver)
            try:
                self._driver.destroy_node(node)
            except Exception as error:
                if _GONE not in str(error):
                    raise


def _where(template: Cloud) -> dict[str, Any]:
    options = template.options
    told: dict[str, Any] = {"ex_assign_public_ip": bool(options.get("public_ip", False))}
    if options.get("keyname"):
        told["ex_keyname"] = str(options["keyname"])
    if options.get("subnet"):
        told["ex_subnet"] = EC2NetworkSubnet(str(options["subnet"]), "", "")
        told["ex_security_group_ids"] = common.words(template, "security_groups")
    return told


def _tags(node: Node) -> dict[str, object]:
    found: dict[str, object] = node.extra["tags"]
    return found
