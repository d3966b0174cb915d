"""Peers: ``bare`` cables between two hosts of a lab, or wireguard-go set up by ``hand``.

Then ``carry`` or ``trip``, as of `ours_overlay`. Each wireguard-go has a session of its own, as a
service has, and ours: the kernel shares processors out by session (sched_autogroup), and one that
is in the session of the program that sends carries more.
"""

import sys
from contextlib import ExitStack

from benchmarks.overlays import program
from benchmarks.program import serve
from benchmarks.programs.ours_overlay import carried, trip
from simulacra.testing.lab import Host, Lab

_UP = """
set -e
umask 077
wg genkey > key
wg pubkey < key
export WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD=1
setsid --wait wireguard-go wg0 >/dev/null 2>&1 </dev/null
wg set wg0 listen-port 51820 private-key key
ip address add 10.9.0.{number}/24 dev wg0
ip link set wg0 mtu 1420 up
"""


def by_hand(one: Host, other: Host) -> str:
    """The address of the other host in a tunnel between the two."""
    ends = [(one, 1, other.address), (other, 2, one.address)]
    keys = [host.run(["sh", "-c", _UP.format(number=n)]).stdout.strip() for host, n, _ in ends]
    for (host, number, to), key in zip(ends, reversed(keys), strict=True):
        allowed = f"10.9.0.{3 - number}/32"
        words = ["wg", "set", "wg0", "peer", key, "allowed-ips", allowed, "endpoint"]
        host.run([*words, f"{to}:51820"])
    return "10.9.0.2"


def main() -> None:
    how, what = sys.argv[1:]
    with ExitStack() as entered:
        one, other = entered.enter_context(Lab("a", "b"))
        address = other.address if how == "bare" else by_hand(one, other)
        if what == "carry":
            sink = entered.enter_context(program(other, "sink", address))
            entered.callback(sink.kill)
            serve(lambda size: carried(one, address, size))
        else:
            serve(lambda count: trip(one, address, count))


if __name__ == "__main__":
    main()
