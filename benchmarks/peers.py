"""The peers, by what they are compared in; amounts are for a few tenths of a second each."""

from benchmarks import provision
from benchmarks.case import Contender, python

_XOSCAR = ("xoscar<0.13",)
_THESPIAN = ("thespian<5",)


def pyzmq(mode: str) -> Contender:
    """Bare pyzmq between two processes; `plain` or `curve`."""
    return python(f"pyzmq {mode}", f"pyzmq_echo {mode}", 1000)


def xoscar(mode: str, amount: int) -> Contender:
    """An xoscar actor in another process; `ask` or `tell`."""
    return python("xoscar", f"xoscar_actor {mode}", amount, _XOSCAR)


def thespian(mode: str, amount: int) -> Contender:
    """A Thespian actor in another process; `ask` or `tell`."""
    return python("Thespian", f"thespian_actor {mode}", amount, _THESPIAN)


def erlang(mode: str, amount: int) -> Contender:
    """A gen_server on another Erlang node; `ask` (call) or `tell` (cast)."""
    nodes = python("Erlang", f"erlang_nodes {mode}", amount)
    return Contender(nodes.name, nodes.argv, amount, provision.erlang)


def pykka(mode: str, amount: int) -> Contender:
    """Bare pykka in one process; `ask` or `start`."""
    return python("pykka", f"pykka_actor {mode}", amount)


def bare_socket(size: int) -> Contender:
    """`size` bytes through a TCP socket."""
    return python("socket", "socket_transfer", size)


def many_pykka(mode: str, count: int) -> Contender:
    """`count` bare pykka actors in one process; `memory` or `start`."""
    return python("pykka", f"many_actors pykka {mode}", count)


def syncing(program: str, scene: str, amount: int) -> Contender:
    """A program of Debian's that keeps folders alike; see `sync_scenes`."""
    peer = python(program, f"sync_{program} {scene}", amount)
    return Contender(program, peer.argv, amount, lambda: provision.debian(program, program))
