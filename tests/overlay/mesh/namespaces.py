"""Network namespaces for tests: cables between them, and sockets in them."""

from __future__ import annotations

import itertools
import os
import selectors
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress

from pyroute2 import netns

_NUMBERS = itertools.count(1)


@contextmanager
def namespace() -> Iterator[str]:
    """The name of a namespace of its own, which ends with what is in it."""
    name = f"t{os.getpid()}n{next(_NUMBERS)}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        run("ip", "netns", "del", name)


def run(*words: str, stdin: str = "") -> str:
    """Run a program to its end; an error of it is the test's."""
    done = subprocess.run(
        words, input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def cable(one: str, device: str, other: str, its: str) -> None:
    """A cable between devices of two namespaces."""
    to = ("netns", other, "name", its)
    run("ip", "-n", one, "link", "add", device, "type", "veth", "peer", *to)
    for name, end in ((one, device), (other, its)):
        run("ip", "-n", name, "link", "set", end, "up")


def address(name: str, device: str, *addresses: str) -> None:
    """Give a device addresses, each ``ADDRESS/PREFIX``, at once usable."""
    for each in addresses:
        # Without waiting whether somebody else has an address of IPv6.
        extra = ["nodad"] if ":" in each else []
        run("ip", "-n", name, "address", "add", each, "dev", device, *extra)


def route(name: str, *words: str) -> None:
    """Add a route, of either family."""
    family = "-6" if any(":" in word for word in words) else "-4"
    run("ip", family, "-n", name, "route", "add", *words)


@contextmanager
def within(name: str) -> Iterator[None]:
    """Sockets that this thread makes meanwhile are in a namespace."""
    netns.pushns(name)
    try:
        yield
    finally:
        netns.popns()


@contextmanager
def listening(name: str, tcp: Sequence[int], udp: Sequence[int] = ()) -> Iterator[None]:
    """Sockets at ports of all addresses of a namespace; those of UDP answer with what they got."""
    with ExitStack() as stack:
        with within(name):
            for port in tcp:
                here = ("::", port)
                stack.enter_context(
                    socket.create_server(here, family=socket.AF_INET6, dualstack_ipv6=True)
                )
            for port in udp:
                made = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
                made.bind(("::", port))
        yield


Probe = tuple[str, str, int]
"""From which address to which, at which port."""


def reached(name: str, probes: Sequence[Probe], patience: float = 0.6) -> Mapping[Probe, bool]:
    """Which connections of TCP can be opened from a namespace; all are tried at the same time."""
    found = dict.fromkeys(probes, False)
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for probe in probes:
            source, target, port = probe
            family = socket.AF_INET6 if ":" in target else socket.AF_INET
            with within(name):
                made = stack.enter_context(socket.socket(family))
            made.setblocking(False)
            made.bind((source, 0))
            with suppress(BlockingIOError):
                made.connect((target, port))
            selector.register(made, selectors.EVENT_WRITE, (probe, made))
        deadline = time.monotonic() + patience
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                probe, made = key.data
                found[probe] = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                selector.unregister(made)
    return found
