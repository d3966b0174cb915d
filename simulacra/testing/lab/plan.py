"""What a lab is to be: its hosts, their zones, addresses and ports. Pure.

Host number n (from 1) has the address 10.77.0.n and the hardware address 02:77:00:00:00:n; its
cable ends at the port ``port<n>`` of its zone's bridge. A lab of one zone is one bridge; of several
zones each has a bridge, and a trunk to the bridge between them that can be pulled.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MAX_HOSTS: Final = 200
PORT: Final = 7400
"""Where a host's node listens."""

HOME: Final = "/run/root"
"""The home of root on a host; it outlives the host, like a disk."""

BOOT: Final = "boot"
"""The script in it that a host runs when it starts."""

# The path of a gateway's socket holds the lab's name once and the host's twice, in 107 bytes.
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")
_BACKBONE: Final = "backbone"


class LabError(Exception):
    """Something cannot be had in the lab: the text says what and why, the hint what to type.

    Attributes:
        hint: what to do about it; may be empty.
    """

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.args[0]} ({self.hint})" if self.hint else str(self.args[0])


def names(count: int) -> list[str]:
    """Return the names that hosts get when nobody names them: a, b, c, or h1, h2 for many.

    Raises:
        LabError: there can be no lab of so many.
    """
    if not 1 <= count <= MAX_HOSTS:
        raise LabError(f"a lab has 1 to {MAX_HOSTS} hosts, not {count}")
    if count <= len(string.ascii_lowercase):
        return list(string.ascii_lowercase[:count])
    return [f"h{number}" for number in range(1, count + 1)]


def check_name(name: str, what: str) -> None:
    """Raise a LabError unless a host or a lab can have this name."""
    if _NAME.fullmatch(name) is None:
        raise LabError(
            f"{name!r} is no {what}'s name",
            "use at most 20 small letters, digits and hyphens, as in desk",
        )


@dataclass(frozen=True)
class Plan:
    """A lab's hosts.

    Attributes:
        zones: the names of the hosts of every zone.

    Raises:
        LabError: a name is none, comes twice, or there are too many or no hosts.
    """

    zones: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if not all(self.zones) or not 1 <= len(self.hosts) <= MAX_HOSTS:
            raise LabError(
                f"a lab has 1 to {MAX_HOSTS} hosts, and at least one in every zone",
                "simulacra lab up 5, or: simulacra lab up --zones a,b/c,d,e",
            )
        for host in self.hosts:
            check_name(host, "host")
            if self.hosts.count(host) > 1:
                raise LabError(f"host {host} comes twice", "give every host a name of its own")

    @property
    def hosts(self) -> list[str]:
        """The names of all hosts, in their order."""
        return [host for zone in self.zones for host in zone]

    def zone(self, host: str) -> int:
        """The number of a host's zone, from 0."""
        return next(number for number, zone in enumerate(self.zones) if host in zone)

    def number(self, host: str) -> int:
        """A host's number, from 1.

        Raises:
            LabError: the lab has no such host.
        """
        try:
            return self.hosts.index(host) + 1
        except ValueError:
            known = ", ".join(self.hosts)
            raise LabError(f"the lab has no host {host!r}", f"it has: {known}") from None

    def address(self, host: str) -> str:
        """A host's IPv4 address."""
        return f"10.77.0.{self.number(host)}"

    def mac(self, host: str) -> str:
        """A host's hardware address."""
        return f"02:77:00:00:00:{self.number(host):02x}"

    def port(self, host: str) -> str:
        """The bridge's end of a host's cable."""
        return f"port{self.number(host)}"

    def trunks(self) -> list[str]:
        """The cables between the zones."""
        return [f"trunk{number}" for number in range(len(self.zones) if len(self.zones) > 1 else 0)]

    # -- what the tools are told

    def bridges(self) -> Iterator[str]:
        """The bridges and trunks, as lines for ``ip -batch``."""
        for number in range(len(self.zones)):
            yield f"link add zone{number} type bridge"
            yield f"link set zone{number} up"
        if self.trunks():
            yield f"link add {_BACKBONE} type bridge"
            yield f"link set {_BACKBONE} up"
        for number, trunk in enumerate(self.trunks()):
            yield f"link add {trunk} type veth peer name up{number}"
            yield f"link set {trunk} master zone{number} up"
            yield f"link set up{number} master {_BACKBONE} up"

    def cable(self, host: str, pid: int) -> Iterator[str]:
        """A host's cable, to the network namespace of a process, as lines for ``ip -batch``."""
        port = self.port(host)
        yield f"link add {port} type veth peer name eth0 address {self.mac(host)} netns {pid}"
        yield f"link set {port} master zone{self.zone(host)} up"

    def interface(self, host: str) -> Iterator[str]:
        """A host's own side, as lines for ``ip -batch`` on that host.

        It is told where the others are: to ask takes both ways, where only one may be cut.
        """
        yield "link set lo up"
        yield f"address add {self.address(host)}/24 dev eth0"
        yield "link set eth0 up"
        for other in self.hosts:
            if other != host:
                to = f"{self.address(other)} lladdr {self.mac(other)}"
                yield f"neighbour add {to} dev eth0 nud permanent"

    def hosts_file(self) -> str:
        """The lab's /etc/hosts."""
        lines = ["127.0.0.1 localhost", "::1 localhost"]
        lines += [f"{self.address(host)} {host}" for host in self.hosts]
        return "".join(f"{line}\n" for line in lines)

    def environ(self, host: str, shared: Mapping[str, str]) -> dict[str, str]:
        """The environment of every command on a host.

        Args:
            host: its name.
            shared: what is the same on all hosts.
        """
        return {
            **shared,
            "HOME": HOME,
            "USER": "root",
            "LOGNAME": "root",
            "SHELL": "/bin/bash",
            "TMPDIR": "/run/tmp",
            "SIMULACRA_HOME": f"{HOME}/simulacra",
            "SIMULACRA_NAME": host,
            "SIMULACRA_LISTEN": f"{self.address(host)}:{PORT}",
        }


def passwd(text: str) -> str:
    """Return a passwd file in which the home of root is the host's own, not the machine's."""
    lines = []
    for line in text.splitlines():
        fields = line.split(":")
        if fields[0] == "root":
            fields[5] = HOME
        lines.append(":".join(fields))
    return "".join(f"{line}\n" for line in lines)


def parse_zones(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the zones that ``a,b/c,d,e`` says."""
    return tuple(tuple(parse_hosts(zone)) for zone in text.split("/"))


def parse_hosts(text: str) -> Sequence[str]:
    """Return the hosts that ``a,b`` says."""
    return [name.strip() for name in text.split(",") if name.strip()]
