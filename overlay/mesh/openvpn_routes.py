"""On a relay: what passes between hosts of the old form and the rest of the overlay.

What comes in by an old host's device is routed as what clients send, and passed on; both tables of
a relay have the way to it. Routes end with the device. They bear another number than the mesh's,
which so leaves them alone.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from simulacra.overlay.mesh.backends import BackendError
from simulacra.overlay.mesh.model import FROM_CLIENTS, FROM_RELAYS

PROTOCOL: Final = 78
_METRIC: Final = 77
_EXISTS: Final = 17
_SETTINGS: Final = Path("/proc/sys/net/ipv4/conf")


class OldRoutes:
    """See the module."""

    def __init__(self) -> None:
        self._opened: dict[str, tuple[int, str]] = {}

    def open(self, device: str, address: str) -> None:
        """Have packets pass between a device and the overlay.

        Args:
            device: the old host's, here.
            address: the old host's, in the overlay.

        Raises:
            BackendError: the kernel refuses.
        """
        index = socket.if_nametoindex(device)
        if self._opened.get(device) == (index, address):
            return
        try:
            with IPRoute() as iproute:
                for table in (FROM_CLIENTS, FROM_RELAYS):
                    iproute.route(
                        "replace", dst=f"{address}/32", oif=index, table=table, proto=PROTOCOL,
                        priority=_METRIC, scope="link",
                    )  # fmt: skip
                _rule(iproute, device)
            for name, value in (("rp_filter", "2"), ("forwarding", "1"), ("send_redirects", "0")):
                (_SETTINGS / device / name).write_text(value)
        except (NetlinkError, OSError) as error:
            raise BackendError(f"{device} cannot be let into the overlay: {error}") from error
        self._opened[device] = index, address


def _rule(iproute: IPRoute, device: str) -> None:
    try:
        iproute.rule(
            "add", family=socket.AF_INET, iifname=device, table=FROM_CLIENTS,
            priority=FROM_CLIENTS, protocol=PROTOCOL,
        )  # fmt: skip
    except NetlinkError as error:
        if error.code != _EXISTS:
            raise
