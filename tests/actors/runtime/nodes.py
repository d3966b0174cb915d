"""Nodes for tests: systems with transports over real CURVE sockets, here or in other processes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Self

from simulacra.actors.runtime import Actor, ActorSystem
from simulacra.actors.runtime.keys import KeyList, KeyPair, Member
from simulacra.actors.runtime.peer import Peer
from simulacra.actors.runtime.session import Timing
from simulacra.actors.runtime.transport import Transport
from simulacra.actors.runtime.transport_settings import Settings

QUICK = Timing(heartbeat=0.1, lost=10.0, greeting=10.0, rest=0.05, longest_rest=0.5)
"""But for losses and greetings: nobody is lost, or greeted again, because the machine is busy."""

HASTY = replace(QUICK, lost=1.0)
"""For who waits for a loss."""

PATIENCE = 60.0


def eventually(condition: Callable[[], Any], timeout: float = PATIENCE) -> Any:
    """Wait until something holds; return what it gave."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError("it never came to hold")


@dataclass
class Events:
    """What a transport told of its peers."""

    up: list[str] = field(default_factory=list)
    down: list[tuple[str, str]] = field(default_factory=list)
    rested: list[str] = field(default_factory=list)

    def on_up(self, peer: Peer, _: str) -> None:
        self.up.append(peer.name)

    def on_down(self, peer: Peer, reason: str) -> None:
        self.down.append((peer.name, reason))

    def on_rest(self, peer: Peer, _: str) -> None:
        self.rested.append(peer.name)


class Node:
    """A system with a transport, and what it knows of others."""

    def __init__(
        self, name: str, pair: KeyPair, keys: KeyList, settings: Settings, **options: Any
    ) -> None:
        self.pair = pair
        self.events = Events()
        self.system = ActorSystem(name)
        self.transport = Transport(
            self.system,
            pair,
            keys,
            settings=settings,
            on_up=self.events.on_up,
            on_down=self.events.on_down,
            on_rest=self.events.on_rest,
            **options,
        )

    def join(self, other: Node) -> Peer:
        """Connect to another node; nodes that rest soon may rest again by the time this returns."""
        peer = self.transport.connect(other.transport.endpoint, other.pair.public)
        for each in (peer, other.peer(self)):
            eventually(lambda each=each: each.is_up or each.is_resting)  # type: ignore[misc]
        return peer

    def peer(self, other: Node) -> Peer:
        peers = self.transport.peers
        found: Peer = eventually(
            lambda: next((peer for peer in peers() if peer.key == other.pair.public), None)
        )
        return found

    def close(self) -> None:
        self.transport.close()
        self.system.stop(2)


class Network:
    """Some nodes in this process that admit one another."""

    def __init__(self, *names: str) -> None:
        self.pairs = {name: KeyPair.generate() for name in names}
        self.nodes: list[Node] = []

    @property
    def keys(self) -> KeyList:
        return KeyList(Member(name, pair.public) for name, pair in self.pairs.items())

    def node(self, name: str, settings: Settings | None = None, **options: Any) -> Node:
        keys = options.pop("keys", self.keys)
        pair = options.pop("pair", None) or self.pairs[name]
        node = Node(name, pair, keys, settings or Settings(timing=QUICK), **options)
        self.nodes.append(node)
        return node

    def two(self, settings: Settings | None = None) -> tuple[Node, Node]:
        a, b = (self.node(name, settings) for name in ("a", "b"))
        a.join(b)
        return a, b

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.close()
        left = [thread.name for thread in threading.enumerate() if "simulacra-" in thread.name]
        assert left == []


class Echo(Actor):
    """Answers with what it is asked; fails, sleeps or counts when told to."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("fail", error):
                raise error
            case ("sleep", seconds):
                time.sleep(seconds)
            case "got":
                return self.got
            case "stuck":
                self.defer_reply()
            case _:
                self.got.append(message)
        return message


class Waiter(Actor):
    """Handles mail only when its gate is open."""

    gate = threading.Event()
    got: list[Any]

    def __init__(self) -> None:
        self.got = []

    def on_receive(self, message: Any) -> Any:
        self.gate.wait(PATIENCE)
        self.got.append(message)
        return len(self.got)


class Witness(Actor):
    """Watches or links to refs, and keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.trap_exit = True

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("monitor", ref):
                return self.monitor(ref)
            case ("link", ref):
                self.link(ref)
            case "told":
                return self.told
            case _:
                self.told.append(message)
        return None


# -- a node in a process of its own

CHILD = """
import ctypes, json, sys
from simulacra.actors.runtime import ActorSystem
from simulacra.actors.runtime.keys import KeyList, KeyPair, Member
from tests.actors.runtime.nodes import Echo, QUICK
from simulacra.actors.runtime.transport_settings import Settings
from simulacra.actors.runtime.transport import Transport
told = json.loads(sys.stdin.readline())
pair = KeyPair(*told["pair"])
keys = KeyList(Member(*member) for member in told["members"])
system = ActorSystem(told["name"])
transport = Transport(system, pair, keys, settings=Settings(timing=QUICK))
system.spawn(Echo, name="echo")
print(transport.endpoint, flush=True)
for line in sys.stdin:
    if line.startswith("hold"):
        ctypes.PyDLL(None).read(0, ctypes.create_string_buffer(64), 64)  # keeps the GIL
        print("released", flush=True)
transport.close()
system.stop(2)
"""


class Child:
    """A node in a process of its own, with an actor ``echo``."""

    def __init__(self, name: str, network: Network) -> None:
        self.name = name
        self.pair = network.pairs[name]
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        members = [(member.name, member.key) for member in network.keys.members()]
        told = {"name": name, "pair": [self.pair.public, self.pair.secret], "members": members}
        self.say(json.dumps(told))
        self.endpoint = self.hear()

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def joined_by(self, node: Node) -> Peer:
        peer = node.transport.connect(self.endpoint, self.pair.public)
        node.transport.wait_up(peer, PATIENCE)
        return peer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.communicate(timeout=PATIENCE)


@contextlib.contextmanager
def two_nodes(settings: Settings | None = None) -> Iterator[tuple[Node, Node]]:
    """Two nodes, ``a`` and ``b``, that are connected."""
    with Network("a", "b") as network:
        yield network.two(settings)
