"""The kernel's WireGuard as pyroute2 packs and unpacks it; no kernel of it is needed for that."""

from __future__ import annotations

from pyroute2.netlink.generic.wireguard import AsyncWireGuard, wgmsg

from simulacra.overlay.mesh.backends import Settle
from simulacra.overlay.mesh.kernel import device_state, orders
from simulacra.overlay.mesh.model import Contact, Peer
from tests.overlay.plans import key_of

ONE, OTHER, MINE = key_of("one"), key_of("other"), key_of("mine")
ALLOWED = frozenset({"10.44.0.1/32", "fd77::1/128"})


def packed(*attributes: list[object]) -> object:
    """A message as the kernel would send it: packed by pyroute2, and unpacked again."""
    message = wgmsg()
    message["attrs"] = list(attributes)
    message.encode()
    found = wgmsg(message.data)
    found.decode()
    return found


def of_order(peer: Peer, key: str) -> list[object]:
    """The attribute of a peer, as pyroute2 makes it of an order."""
    (order,) = orders(Settle(key, peer))
    message = wgmsg()
    AsyncWireGuard._wg_set_peer(AsyncWireGuard.__new__(AsyncWireGuard), message, order)
    ((name, value),) = message["attrs"]
    return [name, value]


def test_what_is_ordered_is_what_is_read() -> None:
    peer = Peer(ALLOWED, "[2001:db8::1]:51820", 25)
    message = packed(
        ["WGDEVICE_A_LISTEN_PORT", 51820],
        ["WGDEVICE_A_PUBLIC_KEY", MINE],
        of_order(peer, ONE),
    )
    found = device_state([message])
    assert (found.port, found.key) == (51820, MINE)
    assert found.peers == {ONE: Peer(ALLOWED, None, 25)}
    assert found.contacts == {ONE: Contact("[2001:db8::1]:51820")}


def test_one_that_is_barred_is_read_as_such() -> None:
    peer = Peer(frozenset(), barred=True)
    found = device_state([packed(["WGDEVICE_A_LISTEN_PORT", 7], of_order(peer, ONE))])
    assert found.peers == {ONE: peer}
    first, second = (next(iter(orders(Settle(ONE, peer)))) for _ in range(2))
    assert first["preshared_key"] != second["preshared_key"]


def test_a_device_with_more_peers_than_one_message_holds() -> None:
    first = packed(["WGDEVICE_A_LISTEN_PORT", 7], of_order(Peer(frozenset({"10.44.0.1/32"})), ONE))
    second = packed(of_order(Peer(frozenset({"10.44.0.2/32"})), ONE))
    third = packed(of_order(Peer(frozenset()), OTHER))
    found = device_state([first, second, third])
    assert found.port == 7
    assert found.peers[ONE].allowed == {"10.44.0.1/32", "10.44.0.2/32"}
    assert found.peers[OTHER] == Peer(frozenset())


def test_a_peer_that_goes_and_one_that_begins_afresh() -> None:
    gone = {"public_key": ONE, "remove": True}
    assert list(orders(Settle(ONE, None))) == [gone]
    begun = list(orders(Settle(ONE, Peer(ALLOWED, "192.0.2.7:9"), afresh=True)))
    assert begun[0] == gone
    assert (begun[1]["endpoint_addr"], begun[1]["endpoint_port"]) == ("192.0.2.7", 9)
    assert "endpoint_addr" not in next(iter(orders(Settle(ONE, Peer(ALLOWED)))))
