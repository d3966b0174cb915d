"""The helper lets nothing be changed that lies outside of the overlay."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from simulacra.overlay.mesh.changes import AddAddress, Change, RemoveDevice, SetPeer, SetRoute
from simulacra.overlay.mesh.guarding import ForbiddenError, check
from simulacra.overlay.mesh.model import FROM_CLIENTS, Peer, Route
from tests.overlay.plans import key_of

OVERLAY = [ip_network("10.44.0.0/16"), ip_network("fd77::/64")]
KEY = key_of("a")


@pytest.mark.parametrize(
    "change",
    [
        AddAddress("sim0", "10.44.0.1/32"),
        AddAddress("sim0", "fd77::1/128"),
        SetPeer("sim1", KEY, Peer(frozenset({"10.44.0.0/16", "fd77::/64"}))),
        SetRoute(Route("10.44.0.9/32", "sim1")),
        SetRoute(Route("0.0.0.0/0", "", FROM_CLIENTS)),
        RemoveDevice("sim1"),
    ],
)
def test_changes_in_the_overlay_are_let_through(change: Change) -> None:
    check([change], OVERLAY)


@pytest.mark.parametrize(
    "change",
    [
        AddAddress("sim0", "192.168.1.1/24"),
        AddAddress("sim0", "10.44.0.1/8"),
        SetPeer("sim1", KEY, Peer(frozenset({"0.0.0.0/0"}))),
        SetRoute(Route("0.0.0.0/0", "sim1")),
        SetRoute(Route("::/0", "sim1", FROM_CLIENTS)),
        SetRoute(Route("192.168.1.0/24", "")),
    ],
)
def test_changes_beyond_it_are_not(change: Change) -> None:
    with pytest.raises(ForbiddenError, match="is not in the overlay"):
        check([AddAddress("sim0", "10.44.0.1/32"), change], OVERLAY)
