"""An overlay over all of a lab, whose plan is made as any is: of an inventory of the hosts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence

from pyroute2 import IPRoute

from simulacra.hosts.inventory.schema import Inventory
from simulacra.overlay.mesh import kernel, userspace
from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.planning import plan
from simulacra.testing.lab.overlay import LabOverlay
from simulacra.testing.lab.running import RunningLab


def why_not() -> str | None:
    """Why no overlay can be had over a lab on this machine, or None."""
    if shutil.which(userspace.PROGRAM) is not None:
        return None
    with IPRoute() as netlink:
        if kernel.is_there(netlink):
            return None
    return f"this kernel has no WireGuard: apt install {userspace.PROGRAM}"


def lay_over(lab: RunningLab, relays: Sequence[str] = ()) -> LabOverlay:
    """Lay an overlay over all hosts of a lab, which of them are relays; no node is started."""
    addresses = {host.name: host.address for host in lab}
    return LabOverlay(lab, lambda keys: planned(addresses, keys, relays))


def planned(
    addresses: Mapping[str, str], keys: Mapping[str, str], relays: Sequence[str] = ()
) -> Plan:
    """The plan for hosts that all reach each other, and which of them are relays.

    Args:
        addresses: of the lab, by host.
        keys: each host's public key.
        relays: which pass on for others.
    """
    hosts = {
        name: {
            "zone": "lab",
            "wireguard": keys[name],
            "endpoints": [address],
            "relay": name in relays,
        }
        for name, address in addresses.items()
    }
    data = {"network": {"name": "lab"}, "zones": {"lab": {}}, "hosts": hosts}
    return plan(Inventory.model_validate_json(json.dumps(data)), "0" * 64)
