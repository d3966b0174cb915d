"""WireGuard by the kernel, told what to do by generic netlink (pyroute2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pyroute2 import IPRoute, WireGuard
from pyroute2.netlink.exceptions import NetlinkError

from simulacra.overlay.mesh.backends import (
    NOT_PRESHARED,
    BackendError,
    DeviceState,
    Settle,
    presharing,
)
from simulacra.overlay.mesh.model import Contact, Peer, split_endpoint

_KIND = "wireguard"


class Kernel:
    """WireGuard in the kernel.

    Args:
        netlink: where links are made and listed.
    """

    name = "kernel"

    def __init__(self, netlink: IPRoute) -> None:
        self._netlink = netlink
        self._wireguard = WireGuard()

    def devices(self) -> dict[str, DeviceState]:
        """The overlay's devices that there are."""
        try:
            names = [link.get("ifname") for link in self._netlink.get_links(kind=_KIND)]
            return {
                name: device_state(self._wireguard.info(name))
                for name in names
                if name.startswith("sim")
            }
        except NetlinkError as error:
            raise BackendError(f"the kernel does not say how WireGuard is: {error}") from error

    def add(self, device: str) -> None:
        """Make a device; it is down, and has no key."""
        try:
            self._netlink.link("add", ifname=device, kind=_KIND)
        except NetlinkError as error:
            raise BackendError(f"{device} cannot be made: {error}") from error

    def configure(
        self,
        device: str,
        *,
        private: str | None = None,
        port: int | None = None,
        peers: Sequence[Settle] = (),
    ) -> None:
        """Tell a device its key, its port, its peers; what is not said stays."""
        try:
            if private is not None or port is not None:
                self._wireguard.set(device, private_key=private, listen_port=port)
            for settle in peers:
                for peer in orders(settle):
                    self._wireguard.set(device, peer=peer)
        except NetlinkError as error:
            raise BackendError(f"{device} refuses what it is told: {error}") from error


def is_there(netlink: IPRoute) -> bool:
    """Whether this kernel has WireGuard: a device is made and taken away again, if there is none.

    Asking for the module would not do: it may be built in, or be loaded by the first device only.
    """
    if next(iter(netlink.get_links(kind=_KIND)), None) is not None:
        return True
    try:
        netlink.link("add", ifname="simprobe", kind=_KIND)
    except NetlinkError:
        return False
    netlink.link("del", ifname="simprobe")
    return True


def orders(settle: Settle) -> Iterable[dict[str, Any]]:
    """What pyroute2 is told of a peer."""
    if settle.peer is None or settle.afresh:
        yield {"public_key": settle.key, "remove": True}
    if settle.peer is None:
        return
    order: dict[str, Any] = {
        "public_key": settle.key,
        "preshared_key": presharing(settle.peer),
        "persistent_keepalive": settle.peer.keepalive,
        "replace_allowed_ips": True,
        "allowed_ips": sorted(settle.peer.allowed),
    }
    if settle.peer.endpoint is not None:
        order["endpoint_addr"], order["endpoint_port"] = split_endpoint(settle.peer.endpoint)
    yield order


def device_state(messages: Iterable[Any]) -> DeviceState:
    """A device, out of the messages that describe it: the peers of a large one come in several."""
    port, key = 0, ""
    peers: dict[str, Peer] = {}
    contacts: dict[str, Contact] = {}
    for message in messages:
        port = message.get("WGDEVICE_A_LISTEN_PORT") or port
        key = _text(message.get("WGDEVICE_A_PUBLIC_KEY")) or key
        for each in message.get("WGDEVICE_A_PEERS") or ():
            name = _text(each.get("WGPEER_A_PUBLIC_KEY"))
            allowed = {one["addr"] for one in each.get("WGPEER_A_ALLOWEDIPS") or ()}
            # One whose addresses do not fit in a message goes on in the next.
            before = peers[name].allowed if name in peers else frozenset()
            keepalive = each.get("WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL") or 0
            preshared = _text(each.get("WGPEER_A_PRESHARED_KEY")) or NOT_PRESHARED
            peers[name] = Peer(before | allowed, None, keepalive, preshared != NOT_PRESHARED)
            contacts.setdefault(name, _contact(each))
    return DeviceState(port, key, peers, contacts)


def _contact(peer: Any) -> Contact:
    at: Mapping[str, int] = peer.get("WGPEER_A_LAST_HANDSHAKE_TIME") or {}
    handshake = at.get("tv_sec", 0) + at.get("tv_nsec", 0) / 1e9
    return Contact(
        _endpoint(peer.get("WGPEER_A_ENDPOINT")),
        handshake,
        peer.get("WGPEER_A_RX_BYTES") or 0,
        peer.get("WGPEER_A_TX_BYTES") or 0,
    )


def _endpoint(found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    address, port = str(found["addr"]), int(found["port"])
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _text(key: bytes | str | None) -> str:
    return key.decode() if isinstance(key, bytes) else key or ""
