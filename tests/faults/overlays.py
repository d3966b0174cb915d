"""Labs with an overlay, and what is seen of it, for the tests of the mesh."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from simulacra.testing.lab import Lab
from simulacra.testing.lab.overlay import LabOverlay
from tests.machines import wait_for
from tests.overlay.plans import made


@contextmanager
def overlaid(
    *hosts: str, relays: Sequence[str] = (), nat: Sequence[str] = (), nodes: bool = True
) -> Iterator[LabOverlay]:
    """A lab whose hosts are in an overlay, with nodes that have met by way of it."""
    with Lab(*hosts) as lab:
        addresses = {host.name: host.address for host in lab}
        overlay = LabOverlay(lab, lambda keys: made(addresses, relays=relays, nat=nat, keys=keys))
        try:
            if nodes:
                lab.start_nodes()
            yield overlay
        finally:
            overlay.close()


def routes(overlay: LabOverlay, host: str) -> dict[str, dict[str, Any]]:
    """A host's routes, by host."""
    found = overlay.lab[host].client.item("overlay")["routes"]
    return {each["host"]: each for each in found}


def ways(overlay: LabOverlay, host: str) -> dict[str, str]:
    """How a host reaches each other one."""
    return {other: each["how"] for other, each in routes(overlay, host).items()}


def all_are(overlay: LabOverlay, how: str, within: float = 15.0) -> None:
    """Wait until every host reaches every other one so."""
    names = list(overlay.hosts)

    def reached() -> bool:
        found = [ways(overlay, host) for host in names]
        return all(set(each.values()) == {how} and len(each) == len(names) - 1 for each in found)

    wait_for(reached, within, f"all are {how}")


def verdicts(overlay: LabOverlay, host: str) -> set[str]:
    """How what hosts measured compares with the plan, as one host knows."""
    return {each["verdict"] for each in overlay.lab[host].client.item("overlay_check")["pairs"]}


def actors_started(overlay: LabOverlay) -> dict[str, dict[str, Any]]:
    """Of each node when it came up, and how its actors fared: the same unless one was restarted."""
    return {host.name: host.client.item("status") for host in overlay}
