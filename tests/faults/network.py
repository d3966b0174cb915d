"""What the tests of a network of lab hosts share: who is master there, and who sees whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from simulacra.actors.compute.spec import Command, Spec
from simulacra.testing.lab import Host, Lab
from tests.machines import wait_for

FIVE = ("a", "b", "c", "d", "e")
SPEC = Spec(Command(("sleep", "600"))).to_plain()
"""What the services run."""
Labs = Callable[..., Lab]


def epoch(host: Host) -> int:
    """The number of the epoch that a host knows."""
    return int(host.client.item("focus")["epoch"][0])


def agreed(hosts: Iterable[Host]) -> str | None:
    """The master that all of them know, in one epoch; None while they differ."""
    found = [host.client.item("focus")["epoch"] for host in hosts]
    return str(found[0][1]) if all(each == found[0] for each in found) and found[0][0] else None


def settled(lab: Lab) -> list[Host]:
    """All hosts, once they have met and agree who is master."""
    lab.wait_met()
    hosts = list(lab)
    wait_for(lambda: agreed(hosts))
    return hosts


def led_by(host: Host, hosts: list[Host]) -> None:
    """Make a host the master of all of them."""
    host.client.item("refocus", host=host.name, timeout=20.0)
    wait_for(lambda: agreed(hosts) == host.name)


def services(host: Host) -> dict[str, dict[str, Any]]:
    """The services by name, as `simulacra service` shows them on a host."""
    found = host.client.item("services", timeout=15.0)["services"]
    return {each["name"]: each for each in found}


def running(host: Host, service: str) -> list[str]:
    """Where a service runs, as a host hears of it."""
    shown = services(host).get(service, {"replicas": []})
    return [each["host"] for each in shown["replicas"] if each["state"] == "running"]


@contextmanager
def wanted(host: Host, **told: dict[str, Any]) -> Iterator[None]:
    """Services that are wanted meanwhile, and run no more afterwards."""
    for name, each in told.items():
        host.client.item("service_set", name=name, told=each, spec=SPEC, timeout=20.0)
    try:
        yield
    finally:
        for name in told:
            host.client.item("service_unset", name=name, timeout=20.0)
    wait_for(lambda: not set(services(host)) & set(told))


def happened(host: Host, since: int = 0) -> list[dict[str, Any]]:
    """The events of a host after the one with a number."""
    return [each for each in host.client.items("events") if each["number"] > since]


def last_event(host: Host) -> int:
    """The number of a host's last event."""
    return max((int(each["number"]) for each in happened(host)), default=0)
