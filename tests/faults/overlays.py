"""Labs with an overlay, and what is seen of it, for the tests of the mesh."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulacra.overlay.mesh.overlay import bring_up
from simulacra.overlay.mesh.resolving import endpoints_of
from simulacra.testing.lab import Host, Lab
from simulacra.testing.lab.nat import put_behind
from simulacra.testing.lab.overlay import LabOverlay
from simulacra.testing.lab.plan import PORT, Plan
from tests.faults import numbered
from tests.machines import PATIENCE, Machine, wait_for
from tests.overlay.plans import made

_PORT = 9000
_ANSWERED = 30.0
_COUNTING = """
def main(ctx):
    count = 0
    while True:
        count += 1
        ctx.receive().reply(count)
"""


@contextmanager
def overlaid(
    *hosts: str,
    relays: Sequence[str] = (),
    routers: Mapping[str, str] | None = None,
    symmetric: bool = False,
    nodes: bool = True,
) -> Iterator[LabOverlay]:
    """A lab whose hosts are in an overlay, with nodes that have met by way of it.

    Args:
        hosts: in the overlay.
        relays: which of them are.
        routers: by host, the NAT router that it is behind, which is in no overlay itself.
        symmetric: whether these take another port for each target.
        nodes: whether to start them.
    """
    routers = routers or {}
    with Lab(*hosts, *routers.values()) as lab:
        for host, router in routers.items():
            put_behind(lab, host, router, symmetric=symmetric)
        addresses = {host: lab[host].address for host in hosts}
        nat = list(routers)
        overlay = LabOverlay(
            lab, lambda keys: made(addresses, relays=relays, nat=nat, keys=keys), hosts
        )
        if nodes:
            overlay.start_nodes()
        yield overlay


def routes(overlay: LabOverlay, host: str) -> dict[str, dict[str, Any]]:
    """A host's routes, by host."""
    found = overlay.hosts[host].client.item("overlay")["routes"]
    return {each["host"]: each for each in found}


def ways(overlay: LabOverlay, host: str) -> dict[str, str]:
    """How a host reaches each other one."""
    return {other: each["how"] for other, each in routes(overlay, host).items()}


def all_are(overlay: LabOverlay, how: str, hosts: Sequence[str] = ()) -> None:
    """Wait until every one of these hosts, or of all, reaches every other one so."""
    names = hosts or list(overlay.hosts)

    def reached() -> bool:
        found = [ways(overlay, host) for host in names]
        return all(set(each.values()) == {how} and len(each) == len(names) - 1 for each in found)

    wait_for(reached, what=f"all are {how}")


def pair_is(overlay: LabOverlay, one: str, other: str, how: str, *relays: str) -> bool:
    """Whether two hosts reach each other so, each way, and by way of these relays if any are said.

    Of several, it may be any of them.
    """
    found = [routes(overlay, one)[other], routes(overlay, other)[one]]
    by = all(not relays or set(each["relays"]) <= set(relays) for each in found)
    return by and all(each["how"] == how for each in found)


def verdicts(overlay: LabOverlay, host: str) -> set[str]:
    """How what hosts measured compares with the plan, as one host knows."""
    return {each["verdict"] for each in overlay.hosts[host].client.item("overlay_check")["pairs"]}


def sessions(overlay: LabOverlay, *hosts: str) -> dict[str, int]:
    """How often each node met or lost another one so far, as its log says."""
    return {each: _log(overlay, each).count("roster: ") for each in hosts or overlay.hosts}


def _log(overlay: LabOverlay, host: str) -> str:
    """What a host's node has logged, if it ever had one."""
    log = overlay.hosts[host].home / "simulacra/state" / host / "node.log"
    return log.read_text() if log.exists() else ""


@contextmanager
def undisturbed(overlay: LabOverlay, asker: str, asked: str, *others: str) -> Iterator[None]:
    """Have two nodes talk by ZeroMQ throughout; that these, or all, neither meet nor lose any."""
    met = sessions(overlay, *(() if not others else (asker, asked, *others)))
    with talking(overlay, asker, asked):
        yield
    assert sessions(overlay, *met) == met


@contextmanager
def talking(overlay: LabOverlay, asker: str, asked: str) -> Iterator[None]:
    """Have a computation on one host be asked by way of another one's node, throughout.

    All that is asked, before and after and in between, is answered once, by the computation as it
    was at first, and no actor of any node is restarted.
    """
    here, there = (_machine(overlay.hosts[each]) for each in (asker, asked))
    name = f"counts-for-{asker}"
    there.spawn(_COUNTING, name=name, on=asked)
    enough = threading.Event()

    def ask() -> int:
        return int(here.ask(name, "more", _ANSWERED))

    def go_on() -> list[int]:
        answers = []
        while not enough.wait(0.02):
            answers.append(ask())
        return answers

    assert ask() == 1
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(go_on)
        try:
            yield
        finally:
            enough.set()
        answers = [1, *asking.result(), ask()]
    assert answers == list(range(1, len(answers) + 1))
    assert not [each for each in overlay.hosts if "restart" in _log(overlay, each)]
    there.call("stop", name=name, kill=True)


def _machine(host: Host) -> Machine:
    return Machine(host.name, host.home / "simulacra", host.address, PORT)


def reaches(overlay: LabOverlay, one: str, other: str) -> bool:
    """Whether a ping gets there."""
    words = ["ping", "-c1", "-W1", overlay.address(other)]
    return overlay.hosts[one].run(words, check=False).returncode == 0


def is_unknown(overlay: LabOverlay, one: str, other: str) -> bool:
    """Whether no device of a host has another one as its peer."""
    with overlay.helper(one) as helper:
        devices = helper.look().mesh.devices.values()
    return not any(overlay.keys[other] in device.peers for device in devices)


def endpoint(overlay: LabOverlay, one: str, other: str) -> str:
    """Where a host's device for direct peers has another one."""
    with overlay.helper(one) as helper:
        return helper.look().contacts["sim0", overlay.keys[other]].endpoint


def agreed(overlay: LabOverlay, one: str, other: str) -> bool:
    """Whether a host has agreed with another one by the key that this has in ``overlay.keys``."""
    with overlay.helper(one) as helper:
        contact = helper.look().contacts.get(("sim0", overlay.keys[other]))
    return contact is not None and contact.handshake > 0


def key_of(overlay: LabOverlay, host: str) -> str:
    """The key that a host's devices have now."""
    with overlay.helper(host) as helper:
        return helper.look().mesh.devices["sim0"].key


def has_stale_phones(overlay: LabOverlay, host: str, phones: dict[str, list[str]]) -> bool:
    """Whether these are the phones with an old configuration, as a host knows, and what is old."""
    return bool(overlay.hosts[host].client.item("overlay")["phones"] == phones)


def has_turned(overlay: LabOverlay, host: str, before: str) -> bool:
    """Whether a host's devices have another key than before."""
    return key_of(overlay, host) != before


def move(overlay: LabOverlay, host: str, address: str) -> None:
    """Give a host another address, in place of the one that it has."""
    device = Plan((tuple(overlay.lab.hosts),)).mac(host)
    for other in overlay.lab:
        if other.name != host:
            words = ["ip", "neighbour", "replace", address, "lladdr", device, "dev", "eth0"]
            other.run([*words, "nud", "permanent"])
    old = overlay.lab[host].address
    overlay.lab[host].run(["ip", "-batch", "-"], input="\n".join([
        f"address del {old}/24 dev eth0",
        f"address add {address}/24 dev eth0",
    ]))  # fmt: skip


def mesh(overlay: LabOverlay) -> None:
    """Bring each host's devices up as its node would, and have each say something to each."""
    for name in overlay.hosts:
        names = {each: each for each in endpoints_of(overlay.plan.hosts[name])}
        with overlay.helper(name) as helper:
            bring_up(overlay.plan, name, helper, names)
    addresses = " ".join(map(overlay.address, overlay.hosts))
    for host in overlay:
        host.run(["bash", "-c", f"for each in {addresses}; do echo >/dev/udp/$each/9; done"])


def full(overlay: LabOverlay) -> bool:
    """Whether every pair of hosts has agreed on keys."""
    for name in overlay.hosts:
        with overlay.helper(name) as helper:
            contacts = helper.look().contacts
        if len(contacts) < len(overlay.hosts) - 1 or not all(
            each.handshake for each in contacts.values()
        ):
            return False
    return True


class Stream:
    """Numbered UDP by way of the overlay from one host to another, until `end`."""

    def __init__(self, overlay: LabOverlay, source: str, target: str, rate: float = 200.0) -> None:
        address = overlay.address(target)
        self._rate = rate
        self._counter = _start(overlay.hosts[target], "count", address, str(_PORT))
        self._sender = _start(overlay.hosts[source], "send", address, str(_PORT), str(rate))
        self._began = time.monotonic()

    def end(self, least: int = 0) -> dict[str, Any]:
        """What came: see `numbered`; so many were to be sent at least."""
        time.sleep(max(0.0, self._began + 1.5 * least / self._rate - time.monotonic()))
        sent = _stop(self._sender)
        time.sleep(0.3)  # what is still under way
        found: dict[str, Any] = _stop(self._counter)
        return {"sent": sent, **found}


def _start(host: Host, *words: str) -> subprocess.Popen[bytes]:
    program = [sys.executable, str(Path(numbered.__file__).absolute()), *words]
    started = host.popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert started.stdout is not None
    assert started.stdout.readline() == b"ready\n"
    return started


def _stop(started: subprocess.Popen[bytes]) -> Any:
    said, _ = started.communicate(timeout=PATIENCE)
    return json.loads(said)
