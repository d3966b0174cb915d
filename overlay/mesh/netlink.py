"""Links, addresses, routes and rules of the overlay, by netlink.

Of routes and rules only those are seen and touched that bear the overlay's protocol number, of
links and addresses those of its devices. What passes on packets for others does so by device, so
that a relay forwards what comes out of the overlay, and nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from socket import AF_INET, AF_INET6
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from simulacra.overlay.mesh.backends import BackendError
from simulacra.overlay.mesh.model import TABLES, ModelError, Route, Rule, check_device

PROTOCOL: Final = 77
"""Who made a route or rule, as the kernel keeps it: the overlay."""

_UNREACHABLE: Final = 7
_GLOBAL: Final = 0
_NO_DUPLICATES: Final = 0x02
"""IFA_F_NODAD."""
_FAMILIES: Final = (AF_INET, AF_INET6)
_SETTINGS: Final = Path("/proc/sys/net")


class Netlink:
    """The kernel's view of the overlay, and changes to it. All raises `BackendError`."""

    def __init__(self, iproute: IPRoute) -> None:
        self._iproute = iproute

    # -- how it is

    def addresses(self) -> frozenset[tuple[str, str]]:
        """The addresses of the overlay's devices, without those that the kernel makes up."""
        names = self._names()
        return frozenset(
            (names[each["index"]], f"{each.get('address')}/{each['prefixlen']}")
            for each in self._iproute.get_addr()
            if each["index"] in names and each["scope"] == _GLOBAL
        )

    def routes(self) -> frozenset[Route]:
        """The overlay's routes."""
        names = self._names()
        found = (each for each in self._iproute.get_routes(proto=PROTOCOL))
        return frozenset(route for each in found if (route := _route(each, names)) is not None)

    def rules(self) -> frozenset[Rule]:
        """The overlay's rules: those that there are for both families."""
        by_family = [
            {
                Rule(each.get("iifname"), each.get("table"))
                for each in self._iproute.get_rules(family=family)
                if each.get("protocol") == PROTOCOL
            }
            for family in _FAMILIES
        ]
        return frozenset(by_family[0] & by_family[1])

    # -- changes

    def bring_up(self, device: str, mtu: int) -> None:
        """Start a device; of what comes in by it, the way back may be another."""
        with _telling(f"{device} cannot be brought up"):
            self._iproute.link("set", index=self._index(device), mtu=mtu, state="up")
        _write(_SETTINGS / "ipv4" / "conf" / device / "rp_filter", "2")

    def remove(self, device: str) -> None:
        """Take a device away."""
        with _telling(f"{device} cannot be removed"):
            self._iproute.link("del", index=self._index(device))

    def add_address(self, device: str, address: str) -> None:
        """Give a device an address."""
        self._address("replace", device, address)

    def remove_address(self, device: str, address: str) -> None:
        """Take an address away from a device."""
        self._address("del", device, address)

    def set_route(self, route: Route) -> None:
        """Have this route in its place; what is there is replaced, with no gap."""
        with _telling(f"there can be no route to {route.to} by {route.device or 'nothing'}"):
            self._iproute.route("replace", **self._route_words(route))

    def remove_route(self, route: Route) -> None:
        """Take a route away; no error where it is gone."""
        with _telling(f"the route to {route.to} cannot be removed"), _gone_is_fine():
            self._iproute.route("del", **self._route_words(route))

    def add_rule(self, rule: Rule) -> None:
        """Have what comes in by a device routed by a table, and passed on."""
        with _telling(f"there can be no rule for {rule.device}"):
            for words in _rule_words(rule):
                with _there_is_fine():
                    self._iproute.rule("add", **words)
        self._pass_on(rule.device)

    def remove_rule(self, rule: Rule) -> None:
        """Undo that; the device's own settings end with it."""
        with _telling(f"the rule for {rule.device} cannot be removed"):
            for words in _rule_words(rule):
                with _gone_is_fine():
                    self._iproute.rule("del", **words)
        _write(_SETTINGS / "ipv4" / "conf" / rule.device / "forwarding", "0")

    # -- how

    def _pass_on(self, device: str) -> None:
        _write(_SETTINGS / "ipv4" / "conf" / device / "forwarding", "1")
        # Telling a sender of a shorter way would send it past the devices. The kernel does so where
        # either of these says so.
        for each in (device, "all"):
            _write(_SETTINGS / "ipv4" / "conf" / each / "send_redirects", "0")
        # IPv6 forwards by device only where it forwards at all; then cards no longer listen to
        # routers unless told so.
        conf = _SETTINGS / "ipv6" / "conf"
        for accepts in conf.glob("*/accept_ra"):
            with contextlib.suppress(OSError):
                if accepts.read_text().strip() == "1":
                    accepts.write_text("2")
        _write(conf / "all" / "forwarding", "1")

    def _address(self, verb: str, device: str, address: str) -> None:
        bare, _, length = address.partition("/")
        with _telling(f"{device} and its address {address}: {verb}"):
            index = self._index(device)
            words = {"index": index, "address": bare, "prefixlen": int(length)}
            # Nobody else can have it, and an address that is still looked into is no source yet.
            words |= {"flags": _NO_DUPLICATES} if verb == "replace" and ":" in bare else {}
            self._iproute.addr(verb, **words)

    def _route_words(self, route: Route) -> dict[str, Any]:
        words: dict[str, Any] = {"dst": route.to, "proto": PROTOCOL, "table": route.table}
        words["priority"] = route.metric
        if route.device:
            words |= {"oif": self._index(route.device)}
            words |= {"prefsrc": route.source} if route.source else {}
        else:
            words["type"] = "unreachable"
        return words

    def _index(self, device: str) -> int:
        found = self._iproute.link_lookup(ifname=device)
        if not found:
            raise BackendError(f"there is no device {device}")
        return int(found[0])

    def _names(self) -> dict[int, str]:
        found = {}
        for link in self._iproute.get_links():
            with contextlib.suppress(ModelError):
                check_device(link.get("ifname"))
                found[link["index"]] = str(link.get("ifname"))
        return found


def _route(found: Any, names: Mapping[int, str]) -> Route | None:
    """A route as the kernel says it; None where it leads elsewhere than into the overlay."""
    table = found.get("table")
    device = names.get(found.get("oif"), "")
    if table not in TABLES or (not device and found["type"] != _UNREACHABLE):
        return None
    nowhere = "::" if found["family"] == AF_INET6 else "0.0.0.0"  # noqa: S104 (a prefix)
    to = f"{found.get('dst') or nowhere}/{found['dst_len']}"
    unreachable = found["type"] == _UNREACHABLE
    return Route(
        to,
        "" if unreachable else device,
        table,
        "" if unreachable else found.get("prefsrc") or "",
        found.get("priority") or 0,
    )


def _rule_words(rule: Rule) -> Iterator[dict[str, Any]]:
    for family in _FAMILIES:
        yield {
            "family": family,
            "iifname": rule.device,
            "table": rule.table,
            "priority": rule.table,
            "protocol": PROTOCOL,
        }


def _write(file: Path, text: str) -> None:
    """Set a setting of the kernel's, where there is such a one (IPv6 may be off)."""
    if file.exists():
        try:
            file.write_text(text)
        except OSError as error:
            raise BackendError(f"{file} cannot be set to {text}: {error}") from error


@contextlib.contextmanager
def _telling(what: str) -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        raise BackendError(f"{what}: {error}") from error


@contextlib.contextmanager
def _gone_is_fine() -> Iterator[None]:
    with _but(2, 3, 99):  # ENOENT, ESRCH, EADDRNOTAVAIL
        yield


@contextlib.contextmanager
def _there_is_fine() -> Iterator[None]:
    with _but(17):  # EEXIST
        yield


@contextlib.contextmanager
def _but(*codes: int) -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        if error.code not in codes:
            raise
