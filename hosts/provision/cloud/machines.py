"""Rented machines, described: what is asked for, what there is, whose it is. Pure.

A machine says by its tags in its cloud to which network it belongs and which host it is, so that
whoever looks finds it, also where nothing was written down about it. An orphan is a machine of the
network that nobody knows any more, or the younger of two that are to be the same host.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from simulacra.hosts.inventory.schema import Cloud

NETWORK_TAG: Final = "simulacra-network"
HOST_TAG: Final = "simulacra-host"
SINCE_TAG: Final = "simulacra-since"
GRACE: Final = 900.0
"""Seconds before a machine that nobody knows is an orphan: somebody may be making it known."""
LAG: Final = 60.0
"""Seconds for which a cloud may not list what it has made already."""


class State(StrEnum):
    """How a machine is."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    GOING = "going"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Order:
    """A machine that is to exist.

    Attributes:
        host: its name in the network.
        network: the network's.
        template: what it is made by.
        user_data: what it does at its first boot; it has a secret in it, and is not shown.
        token: the same for a second try, so that a cloud that knows such tokens makes one machine.
        since: when it was asked for, seconds since the epoch.
    """

    host: str
    network: str
    template: Cloud
    user_data: str
    token: str
    since: float

    def __repr__(self) -> str:
        return f"<order of {self.host} in {self.network}>"

    @property
    def tags(self) -> dict[str, str]:
        """What it is marked with in its cloud."""
        return {
            NETWORK_TAG: self.network,
            HOST_TAG: self.host,
            SINCE_TAG: str(int(self.since)),
        }


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that there is.

    Attributes:
        id: in its cloud.
        cloud: the template by whose account it was found.
        host: which host it is to be.
        state: how it is.
        addresses: those that others reach first.
        since: when it was asked for; None where that cannot be read.
    """

    id: str
    cloud: str
    host: str
    state: State
    addresses: tuple[str, ...] = ()
    since: float | None = None

    @property
    def lives(self) -> bool:
        """Whether it is there, and is to stay."""
        return self.state is not State.GOING

    def to_plain(self) -> dict[str, Any]:
        """As plain data, for a message or a document."""
        return {**asdict(self), "state": str(self.state), "addresses": list(self.addresses)}


@dataclass(frozen=True, slots=True)
class Record:
    """What is written down of a machine before it is asked for, and after.

    Attributes:
        cloud: its template.
        token: of the order.
        asked: when, seconds since the epoch.
        id: in its cloud; empty until the cloud has answered.
    """

    cloud: str
    token: str
    asked: float
    id: str = ""


def machine_of(
    tags: Mapping[str, object], network: str, *, id: str, cloud: str, state: State,  # noqa: A002
    addresses: Iterable[str],
) -> Machine | None:  # fmt: skip
    """The machine with these tags; None if it is of no network, or of another one."""
    host = str(tags.get(HOST_TAG) or "")
    if tags.get(NETWORK_TAG) != network or not host:
        return None
    since = str(tags.get(SINCE_TAG) or "")
    when = float(since) if since.isdecimal() else None
    return Machine(id, cloud, host, state, tuple(addresses), when)


def account(template: Cloud) -> tuple[str, ...]:
    """What templates have in common that lead to the same machines."""
    return template.driver, template.endpoint, template.region, template.credentials


def accounts(templates: Mapping[str, Cloud]) -> dict[str, Cloud]:
    """A template for each account, the first by name."""
    first: dict[tuple[str, ...], str] = {}
    for name in sorted(templates):
        first.setdefault(account(templates[name]), name)
    return {name: templates[name] for name in first.values()}


def the_one(host: str, machines: Iterable[Machine]) -> Machine | None:
    """The machine that is a host: of several the oldest."""
    living = [each for each in machines if each.host == host and each.lives]
    return min(living, key=_age, default=None)


def orphans(
    machines: Sequence[Machine], known: Collection[str], now: float, grace: float = GRACE
) -> list[Machine]:
    """The machines to let go of, the oldest first.

    Args:
        machines: all of the network, in all clouds.
        known: the hosts that an inventory, a record, or the network itself knows.
        now: seconds since the epoch.
        grace: seconds that one may exist without being known.
    """
    ones = {host: the_one(host, machines) for host in known}
    found = [
        each
        for each in machines
        if each.lives
        and each.since is not None
        and now - each.since > grace
        and each != ones.get(each.host)
    ]
    return sorted(found, key=_age)


def is_lost(record: Record, now: float) -> bool:
    """Whether a machine that its cloud does not list is none any more, and may be made anew."""
    return bool(record.id) and now - record.asked > LAG


def _age(machine: Machine) -> tuple[bool, float, str]:
    return machine.since is None, machine.since or 0.0, machine.id
