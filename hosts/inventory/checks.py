"""What the fields of an inventory must be together: names that exist, and nothing twice.

Each problem stands at the field that is to be changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from simulacra.hosts.inventory import abilities, ranges
from simulacra.hosts.inventory.problems import Path, Problem, shown
from simulacra.hosts.inventory.schema import Inventory

_RESERVED: Final = frozenset({"localhost", "all"})
ANYBODY: Final = "*"


def check(
    inventory: Inventory, declared: Mapping[str, Collection[str]] | None = None
) -> Iterator[Problem]:
    """Everything that is wrong between fields.

    Args:
        inventory: whose fields are right, each by itself.
        declared: the names of zones, roles, clouds and hosts that the file has, where the
            inventory lacks some that are wrong by themselves.
    """
    names = declared or {
        "zones": inventory.zones,
        "roles": inventory.roles,
        "clouds": inventory.clouds,
        "hosts": inventory.hosts,
    }
    yield from _references(inventory, names)
    yield from _shared_identities(inventory)
    yield from _shared_places(inventory)
    yield from ranges.check(inventory)
    yield from abilities.check(inventory)


def _references(inventory: Inventory, names: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    for name, host in inventory.hosts.items():
        at = ("hosts", name)
        if name in _RESERVED:
            yield Problem(at, "is no name for a host: it means something else everywhere")
        if host.zone not in names["zones"]:
            yield _unknown((*at, "zone"), "zone", host.zone, names["zones"])
        if host.cloud is not None and host.cloud not in names["clouds"]:
            yield _unknown((*at, "cloud"), "cloud", host.cloud, names["clouds"])
    roles = {ANYBODY, *names["roles"]}
    roles |= {role for host in inventory.hosts.values() for role in host.roles}
    for name, access in inventory.roles.items():
        for number, role in enumerate(access.accepts):
            if role not in roles:
                yield _unknown(
                    ("roles", name, "accepts", number),
                    "role",
                    role,
                    roles,
                    f"; if nobody has it yet, say [roles.{role}]",
                )


def _unknown(
    path: Path, what: str, name: str, known: Collection[str], otherwise: str = ""
) -> Problem:
    close = get_close_matches(name, known, 1)
    listed = ", ".join(sorted(known)) or "none"
    meant = f"did you mean {close[0]}?" if close else f"known are {listed}"
    return Problem(path, f"there is no {what} {name!r}; {meant}{otherwise}")


def _shared_identities(inventory: Inventory) -> Iterator[Problem]:
    """What tells a host from all others, and is another's as well."""
    hosts = inventory.hosts.items()
    yield from _twice(
        ((("hosts", name, "address"), str(host.address)) for name, host in hosts if host.address),
        "every host has an address of its own; without one it gets one by its name",
    )
    yield from _twice(
        (
            (("hosts", name, field), key)
            for name, host in hosts
            for field, key in (("wireguard", host.wireguard), ("next", host.next))
            if key
        ),
        "every host makes a key of its own",
    )
    yield from _twice(
        ((("hosts", name, "mac"), host.mac) for name, host in hosts if host.mac),
        "a card is in one host only",
    )
    yield from _twice(
        (
            (("hosts", name, "openvpn", "fingerprint"), host.openvpn.fingerprint)
            for name, host in hosts
            if host.openvpn and host.openvpn.fingerprint
        ),
        "every host has a certificate of its own",
    )
    yield from _twice(
        (
            (("hosts", name, "ssh", "host"), f"{host.ssh.host} port {host.ssh.port}")
            for name, host in hosts
            if host.ssh
        ),
        "a deploy of one would overwrite the other",
    )
    yield from _twice(
        (
            # Without the comment, which says nothing.
            (("hosts", name, "ssh", "public_key"), " ".join(host.ssh.public_key.split()[:2]))
            for name, host in hosts
            if host.ssh and host.ssh.public_key
        ),
        "whoever has one would pass for the other; make new ones on one of them, rm "
        "/etc/ssh/ssh_host_* and ssh-keygen -A",
    )


def _shared_places(inventory: Inventory) -> Iterator[Problem]:
    """Where a host is reached on its LAN or from outside, and another is as well."""
    hosts = inventory.hosts.items()
    yield from _twice(
        (
            (("hosts", name, "lan", number), f"{host.zone} {endpoint}")
            for name, host in hosts
            for number, endpoint in enumerate(host.lan)
        ),
        "an address in a LAN is one host's",
    )
    yield from _twice(
        (
            (("hosts", name, "endpoints", number), used)
            for name, host in hosts
            for number, endpoint in enumerate(host.endpoints)
            for used in ranges.ports_used(endpoint, name, inventory)
        ),
        "behind one public address every host needs ports of its own (port, "
        f"{inventory.network.port} unless stated, and of relays some after it)",
    )
    yield from _twice(
        (
            (("hosts", name, "openvpn", "port"), f"TCP port {port} of {ranges.split(each, 0)[0]}")
            for name, host in hosts
            if host.openvpn and host.openvpn.serves
            for port in (host.openvpn.port or abilities.SERVER_PORT,)
            for each in host.endpoints
        ),
        "behind one public address every server of OpenVPN needs a port of its own",
    )


def _twice(values: Iterable[tuple[Path, str]], why: str) -> Iterator[Problem]:
    """Of every value that somebody has before, a problem."""
    first: dict[str, Path] = {}
    for path, value in values:
        other = first.setdefault(value, path)
        # Behind one endpoint a host may use a port twice, but it has no key twice.
        if other != path and (other[:2] != path[:2] or other[2] != path[2]):
            yield Problem(path, f"{value} is {shown(first[value])} already: {why}")
