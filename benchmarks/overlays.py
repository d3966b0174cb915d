"""Labs with an overlay of devices alone, without nodes, and traffic between their hosts."""

import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from simulacra.overlay.mesh.changes import RemoveDevice
from simulacra.overlay.mesh.overlay import bring_up
from simulacra.overlay.mesh.resolving import endpoints_of
from simulacra.testing.lab import Host, Lab
from simulacra.testing.lab.overlay import LabOverlay
from simulacra.testing.lab.planned import lay_over

_PATIENCE = 60.0


@contextmanager
def overlaid(*hosts: str, relays: tuple[str, ...] = ()) -> Iterator[LabOverlay]:
    """A lab whose hosts have helpers and a plan; no device is made yet."""
    with Lab(*hosts) as lab:
        yield lay_over(lab, relays)


def raise_all(overlay: LabOverlay) -> None:
    """Bring up the devices of all hosts, and have each pair agree on keys."""

    def one(host: str) -> None:
        names = {each: each for each in endpoints_of(overlay.plan.hosts[host])}
        with overlay.helper(host) as helper:
            bring_up(overlay.plan, host, helper, names)

    def greet(host: Host) -> None:
        others = " ".join(map(overlay.address, overlay.hosts))
        host.run(["bash", "-c", f"for each in {others}; do echo >/dev/udp/$each/9; done"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, overlay.hosts))
        list(pool.map(greet, overlay))
    deadline = time.monotonic() + _PATIENCE
    while missing := [host for host in overlay.hosts if not _is_full(overlay, host)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not in the mesh: {missing}")


def clear(overlay: LabOverlay) -> None:
    """Take all devices away."""
    for host in overlay.hosts:
        with overlay.helper(host) as helper:
            helper.apply([RemoveDevice(each) for each in helper.look().mesh.devices])


def _is_full(overlay: LabOverlay, host: str) -> bool:
    with overlay.helper(host) as helper:
        contacts = helper.look().contacts
    agreed = [each for (device, _), each in contacts.items() if device == "sim0" and each.handshake]
    return len(agreed) == len(overlay.hosts) - 1


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
