"""From an inventory to the plan of its overlay."""

from __future__ import annotations

from simulacra.hosts.inventory.problems import InventoryError
from simulacra.hosts.inventory.schema import Inventory
from simulacra.overlay.plan import access, links, openvpn
from simulacra.overlay.plan.document import Given, HostPlan, Plan
from simulacra.overlay.plan.layout import Layout


def plan(inventory: Inventory, sha256: str) -> Plan:
    """The plan of an inventory.

    Args:
        inventory: one that was read, and so checked.
        sha256: of its file's bytes, in hex.

    Raises:
        InventoryError: two hosts would have the same address or port.
    """
    layout = Layout.of(inventory)
    problems = list(openvpn.check(layout))
    if problems:
        raise InventoryError(problems)
    return Plan(
        sha256,
        inventory.network.name,
        str(layout.addresses.network4),
        str(layout.addresses.network6),
        {name: _part(name, layout) for name in sorted(inventory.hosts)},
    )


def _part(name: str, layout: Layout) -> HostPlan:
    host = layout.host(name)
    ipv4, ipv6 = layout.addresses.of(name)
    return HostPlan(
        kind=str(host.kind),
        zone=host.zone,
        ipv4=ipv4,
        ipv6=ipv6,
        names=(f"{name}.{layout.inventory.network.name}",),
        key=layout.key(name),
        port=layout.port(name),
        peers=links.peers(name, layout),
        relays=links.relays(name, layout),
        clients=links.clients(name, layout),
        outside=access.outside(name, layout),
        inside=access.inside(name, layout),
        openvpn=openvpn.server(name, layout),
        next=host.next or "",
        given=Given(**host.given.model_dump()) if host.given else None,
    )
