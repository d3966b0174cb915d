"""What the helper lets its user do: changes within the overlay, and none beyond it. Pure.

The helper may change the whole machine's network; the node that asks may not. So routes and
addresses have to lie inside the overlay's prefixes, as the plan says them, which the user cannot
write. The exception is the end of a relay's own tables, where what is not known is unreachable.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network

from simulacra.overlay.mesh.changes import AddAddress, Change, SetPeer, SetRoute
from simulacra.overlay.mesh.model import MAIN, Route

Prefix = IPv4Network | IPv6Network


class ForbiddenError(Exception):
    """A change reaches beyond the overlay: the text says which."""


def check(changes: Sequence[Change], overlay: Sequence[Prefix]) -> None:
    """Raise a ForbiddenError unless all changes stay inside the overlay."""
    for change in changes:
        for prefix in _touched(change):
            if not any(_is_inside(prefix, each) for each in overlay):
                raise ForbiddenError(f"{prefix} is not in the overlay: {change}")


def _touched(change: Change) -> list[Prefix]:
    match change:
        case AddAddress(_, address):
            return [ip_interface(address).network]
        case SetPeer(peer=peer):
            return [ip_network(each) for each in peer.allowed]
        case SetRoute(Route(device="", table=table)) if table != MAIN:
            return []
        case SetRoute(route):
            return [ip_network(route.to)]
    return []


def _is_inside(prefix: Prefix, outer: Prefix) -> bool:
    if isinstance(prefix, IPv4Network) and isinstance(outer, IPv4Network):
        return prefix.subnet_of(outer)
    if isinstance(prefix, IPv6Network) and isinstance(outer, IPv6Network):
        return prefix.subnet_of(outer)
    return False
