"""Changes carried out: the thin hand between reconciling and the kernel."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from simulacra.overlay.mesh.backends import Backend, Settle
from simulacra.overlay.mesh.changes import (
    AddAddress,
    AddDevice,
    AddRule,
    Change,
    Rekey,
    RemoveAddress,
    RemoveDevice,
    RemovePeer,
    RemoveRoute,
    RemoveRule,
    SetPeer,
    SetPort,
    SetRoute,
)
from simulacra.overlay.mesh.keyfile import KeyStore
from simulacra.overlay.mesh.model import Device, Mesh, Seen
from simulacra.overlay.mesh.netlink import Netlink

MTU: Final = 1420


class Hands:
    """What carries changes out on this host.

    Args:
        backend: where WireGuard runs.
        netlink: links, addresses, routes, rules.
        keys: this host's.
    """

    def __init__(self, backend: Backend, netlink: Netlink, keys: KeyStore) -> None:
        self._backend, self._netlink, self._keys = backend, netlink, keys

    def look(self) -> Seen:
        """The mesh as it is.

        Raises:
            BackendError: it cannot be seen.
        """
        found = self._backend.devices()
        devices = {name: Device(each.port, each.key, each.peers) for name, each in found.items()}
        contacts = {
            (name, key): contact
            for name, each in found.items()
            for key, contact in each.contacts.items()
        }
        netlink = self._netlink
        mesh = Mesh(devices, netlink.addresses(), netlink.routes(), netlink.rules())
        return Seen(mesh, contacts, self._backend.name, time.time())

    def apply(self, changes: Sequence[Change], mtu: int = MTU) -> None:
        """Carry changes out in their order, up to the first that cannot be.

        Raises:
            BackendError: one cannot be; those before it have been.
            PrivateKeyError: this host's key cannot be used.
        """
        for device, group in groupby(changes, _device_of_peers):
            if device is not None:
                settled = [_settle(each) for each in group]
                self._backend.configure(device, peers=[each for each in settled if each])
                continue
            for change in group:
                self._apply(change, mtu)

    def _apply(self, change: Change, mtu: int) -> None:
        match change:
            case AddDevice(device, port):
                self._add(device, port, mtu)
            case RemoveDevice(device):
                self._netlink.remove(device)
            case SetPort(device, port):
                self._backend.configure(device, port=port)
            case Rekey(device):
                self._backend.configure(device, private=self._keys.private())
            case _:
                self._apply_around(change)

    def _add(self, device: str, port: int, mtu: int) -> None:
        self._backend.add(device)
        self._backend.configure(device, private=self._keys.private())
        self._netlink.bring_up(device, mtu)
        # A port that is taken is an error to a device that is up; one that is down accepts any.
        self._backend.configure(device, port=port or None)

    def _apply_around(self, change: Change) -> None:
        netlink = self._netlink
        match change:
            case AddAddress(device, address):
                netlink.add_address(device, address)
            case RemoveAddress(device, address):
                netlink.remove_address(device, address)
            case SetRoute(route):
                netlink.set_route(route)
            case RemoveRoute(route):
                netlink.remove_route(route)
            case AddRule(rule):
                netlink.add_rule(rule)
            case RemoveRule(rule):
                netlink.remove_rule(rule)


def _device_of_peers(change: Change) -> str | None:
    """The device whose peers a change is about: such changes are told together."""
    return change.device if isinstance(change, SetPeer | RemovePeer) else None


def _settle(change: Change) -> Settle | None:
    match change:
        case SetPeer(_, key, peer, afresh):
            return Settle(key, peer, afresh)
        case RemovePeer(_, key):
            return Settle(key, None)
    return None
