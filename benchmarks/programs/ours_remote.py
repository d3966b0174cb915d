"""Ours: two processes with a transport each, CURVE and all; `ask` or `tell` from one to the other.

`serve` is the other process; both key pairs, made for this run alone, are its argument.
"""

import json
import sys
import time
from typing import Any

from benchmarks.program import PAYLOAD, helper, microseconds_each, python_helper, serve
from simulacra.actors.runtime import Actor, ActorSystem, Ref
from simulacra.actors.runtime.keys import KeyList, KeyPair, Member
from simulacra.actors.runtime.transport import Transport

_SECONDS = 60.0
_COUNTED = "counted"


class Echo(Actor):
    """Answers with what it was sent, counts it, and says how many."""

    def __init__(self) -> None:
        self._count = 0

    def on_receive(self, message: Any) -> Any:
        """Handles one message."""
        if message == _COUNTED:
            return self._count
        self._count += 1
        return message


class Asker(Actor):
    """Asks another actor as often as it is told; answers with the µs that each took.

    In a node it is actors that ask. A main thread's asks take longer: it never reads for its node.
    """

    def __init__(self, whom: Ref) -> None:
        self._whom = whom

    def on_receive(self, count: int) -> float:
        """Takes one sample."""
        return microseconds_each(lambda: self._whom.ask(PAYLOAD), count)


def node(name: str, pairs: dict[str, KeyPair]) -> tuple[ActorSystem, Transport]:
    """Makes one of the two nodes."""
    system = ActorSystem(name)
    keys = KeyList(Member(name, pair.public) for name, pair in pairs.items())
    return system, Transport(system, pairs[name], keys)


def host(pairs: dict[str, KeyPair]) -> None:
    """Hosts the actor until standard input ends; prints where."""
    system, transport = node("host", pairs)
    with system, transport:
        system.spawn(Echo, name="echo")
        print(transport.endpoint, flush=True)
        sys.stdin.read()


def tell(echo: Ref, count: int) -> float:
    """Returns messages a second; the clock stops when the receiver has counted all of them."""
    due = echo.ask(_COUNTED) + count
    started = time.perf_counter()
    for _ in range(count):
        echo.tell(PAYLOAD)
    if (counted := echo.ask(_COUNTED, timeout=_SECONDS)) != due:
        raise AssertionError(f"{counted} messages counted, not {due}")
    return count / (time.perf_counter() - started)


def client(mode: str, pairs: dict[str, KeyPair], endpoint: str) -> None:
    """Serves samples of `mode`."""
    system, transport = node("client", pairs)
    with system, transport:
        transport.wait_up(transport.connect(endpoint, pairs["host"].public))
        echo = system.ref("echo@host")
        if mode == "ask":
            asker = system.spawn(Asker, echo)
            serve(lambda count: asker.ask(count, timeout=_SECONDS))
        else:
            serve(lambda count: tell(echo, count))


def main(mode: str, *told: str) -> None:
    """Runs one of the two processes."""
    if mode == "serve":
        host({name: KeyPair(*pair) for name, pair in json.loads(told[0]).items()})
        return
    pairs = {name: KeyPair.generate() for name in ("host", "client")}
    keys = json.dumps({name: (pair.public, pair.secret) for name, pair in pairs.items()})
    with helper(*python_helper("benchmarks.programs.ours_remote", "serve", keys)) as endpoint:
        client(mode, pairs, endpoint)


if __name__ == "__main__":
    main(*sys.argv[1:])
