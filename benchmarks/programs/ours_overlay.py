"""Ours: the overlay's devices in a lab, for one of four figures.

`mesh N`, in seconds: until each of N hosts has agreed on keys with each. `carry`, in bytes a
second: what one TCP connection carries, of so many bytes. `trip`, in µs: the mean of so many pings.
`path`, in packets that are lost: of numbered UDP, 1,000 a second, while so many times the route
changes from one relay to another.
"""

import re
import sys
import time
from contextlib import ExitStack
from dataclasses import replace

from benchmarks.overlays import clear, overlaid, program, raise_all
from benchmarks.program import serve
from simulacra.overlay.mesh.changes import SetRoute
from simulacra.testing.lab import Host
from simulacra.testing.lab.overlay import LabOverlay


def mesh(count: int) -> None:
    with overlaid(*(f"h{number}" for number in range(count))) as overlay:

        def sample(_: int) -> float:
            began = time.monotonic()
            raise_all(overlay)
            took = time.monotonic() - began
            clear(overlay)
            return took

        serve(sample)


def carried(source: Host, address: str, size: int) -> float:
    """Bytes a second of one connection, to where a sink is."""
    with program(source, "pour", address, str(size)) as pouring:
        return float(pouring.communicate(timeout=120)[0])


def trip(source: Host, address: str, count: int) -> float:
    """The mean of so many pings in µs."""
    said = source.run(["ping", "-q", "-i0.002", f"-c{count}", address]).stdout
    found = re.search(r"= [0-9.]+/([0-9.]+)/", said)
    assert found is not None
    return float(found[1]) * 1000


def path(overlay: LabOverlay) -> None:
    raise_all(overlay)
    address = overlay.address("b")
    with overlay.helper("a") as helper:
        routes = [each for each in helper.look().mesh.routes if each.to == f"{address}/32"]
        relays = [each.device for each in overlay.plan.hosts["a"].relays]

        def sample(amount: int) -> float:
            counting = program(overlay.hosts["b"], "count", address)
            sending = program(overlay.hosts["a"], "send", address)
            for number in range(amount):
                time.sleep(0.05)
                helper.apply([SetRoute(replace(routes[0], device=relays[number % 2]))])
            sent = int(sending.communicate(timeout=10)[0])
            time.sleep(0.2)
            return float(sent - int(counting.communicate(timeout=10)[0]))

        serve(sample)


def main() -> None:
    what = sys.argv[1]
    if what == "mesh":
        mesh(int(sys.argv[2]))
        return
    with ExitStack() as entered:
        hosts = ("a", "b", "r", "s") if what == "path" else ("a", "b")
        overlay = entered.enter_context(overlaid(*hosts, relays=hosts[2:]))
        if what == "path":
            path(overlay)
            return
        raise_all(overlay)
        source, address = overlay.hosts["a"], overlay.address("b")
        if what == "carry":
            sink = entered.enter_context(program(overlay.hosts["b"], "sink", address))
            entered.callback(sink.kill)
            serve(lambda size: carried(source, address, size))
        else:
            serve(lambda count: trip(source, address, count))


if __name__ == "__main__":
    main()
