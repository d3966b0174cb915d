"""Labs with an overlay of devices alone, without nodes, and traffic between their hosts."""

import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from simulacra.overlay.mesh.changes import RemoveDevice, SetPeer
from simulacra.overlay.mesh.helper_client import HelperClient
from simulacra.overlay.mesh.model import CLIENTS, Seen
from simulacra.overlay.mesh.overlay import bring_up
from simulacra.overlay.mesh.resolving import endpoints_of
from simulacra.overlay.mesh.steering import Steering
from simulacra.testing.lab import Host, Lab
from simulacra.testing.lab.overlay import LabOverlay
from simulacra.testing.lab.planned import lay_over

_PATIENCE = 60.0
_PAUSE = 0.02
_TICK = 0.1
"""Seconds after which a node looks again what is due."""


@contextmanager
def overlaid(*hosts: str, relays: tuple[str, ...] = ()) -> Iterator[LabOverlay]:
    """A lab whose hosts have helpers and a plan; no device is made yet."""
    with Lab(*hosts) as lab:
        yield lay_over(lab, relays)


def raise_all(overlay: LabOverlay) -> None:
    """Bring up the devices of all hosts, and have each pair agree on keys."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda host: _bring_up(overlay, host), overlay.hosts))
    full = threading.Event()
    with ThreadPoolExecutor(len(overlay.hosts)) as pool:
        searching = [pool.submit(_search, overlay, host, full) for host in overlay.hosts]
        try:
            _await_full(overlay, searching)
        finally:
            full.set()
        for each in searching:
            each.result()


def _bring_up(overlay: LabOverlay, host: str) -> None:
    with overlay.helper(host) as helper:
        bring_up(overlay.plan, host, helper, _places(overlay, host))


def _places(overlay: LabOverlay, host: str) -> dict[str, str]:
    return {each: each for each in endpoints_of(overlay.plan.hosts[host])}


def _search(overlay: LabOverlay, host: str, full: threading.Event) -> None:
    """Search for the others as a node does from its start on, until all are in the mesh."""
    with overlay.helper(host) as helper:
        steering = Steering(overlay.plan, host, helper.public_key())
        steering.resolved(_places(overlay, host))
        while not full.is_set():
            now = time.monotonic()
            if steering.wants_look(now):
                steering.looked(seen := helper.look())
                if not (missing := _missing(seen)):
                    return
                steering.decide(now)
                # Those that have agreed are reached, which a node would know by its probes.
                _speak(helper, [t for t in steering.tries(now) if (t.device, t.key) in missing])
            full.wait(_TICK)


def _speak(helper: HelperClient, peers: Sequence[SetPeer]) -> None:
    """Have devices speak to peers, as they do when they are first told to keep in touch."""
    helper.apply([replace(each, peer=replace(each.peer, keepalive=25)) for each in peers])


def _await_full(overlay: LabOverlay, searching: Sequence[Future[None]]) -> None:
    deadline = time.monotonic() + _PATIENCE
    for host in overlay.hosts:
        while not _is_full(overlay, host):
            if any(each.done() and each.exception() for each in searching):
                return  # which says why
            if time.monotonic() > deadline:
                raise TimeoutError(f"{host} does not reach all")
            time.sleep(_PAUSE)


def clear(overlay: LabOverlay) -> None:
    """Take all devices away."""
    for host in overlay.hosts:
        with overlay.helper(host) as helper:
            helper.apply([RemoveDevice(each) for each in helper.look().mesh.devices])


def _is_full(overlay: LabOverlay, host: str) -> bool:
    with overlay.helper(host) as helper:
        return not _missing(helper.look())


def _missing(seen: Seen) -> set[tuple[str, str]]:
    """Of those whom a host itself begins with, by device and key, who has not agreed on keys."""
    contacts = seen.contacts.items()
    return {end for end, each in contacts if end[0] != CLIENTS and not each.handshake}


def program(host: Host, *words: str) -> subprocess.Popen[bytes]:
    """Run this module on a host, until its standard input ends."""
    command = [sys.executable, "-m", "benchmarks.overlays", *words]
    started = host.popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert started.stdout is not None
    started.stdout.readline()
    return started


def say(value: Any) -> None:
    print(value, flush=True)


def sink(address: str) -> None:
    """Take in connections one after the other, and answer each with how many bytes came."""
    with socket.create_server((address, 9001)) as server:
        say("ready")
        while True:
            connection, _ = server.accept()
            with connection:
                size = 0
                while piece := connection.recv(1 << 18):
                    size += len(piece)
                connection.sendall(str(size).encode())


def pour(address: str, size: int) -> None:
    """Send so many bytes, and say how many arrived in a second."""
    piece = bytes(1 << 18)
    say("ready")
    began = time.monotonic()
    with socket.create_connection((address, 9001)) as connection:
        for _ in range(size // len(piece)):
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        arrived = int(connection.recv(64))
    say(arrived / (time.monotonic() - began))


def count(address: str) -> None:
    """Count packets until standard input ends."""
    came = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        opened.bind((address, 9002))
        say("ready")
        while opened in (ready := select.select([opened, sys.stdin], [], [])[0]) or not ready:
            opened.recv(64)
            came += 1
    say(came)


def send(address: str) -> None:
    """Send 1,000 packets a second until standard input ends, and say how many."""
    number, began = 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        say("ready")
        while not select.select([sys.stdin], [], [], _pause(began, number))[0]:
            number += 1
            opened.sendto(str(number).encode(), (address, 9002))
    say(number)


def _pause(began: float, number: int) -> float:
    return max(0.0, began + number / 1000 - time.monotonic())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sink", address]:
            sink(address)
        case ["count", address]:
            count(address)
        case ["send", address]:
            send(address)
        case ["pour", address, size]:
            pour(address, int(size))
