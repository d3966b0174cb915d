"""Ours: a tree of two real nodes in one network; see `benchmarks.sync_scenes` for the modes.

`memory` is a mode of its own: the most that either node occupies (RSS, MB) while so many small
files are taken in by the one, and come to the other.
"""

import os
import random
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.nodes import running, until
from benchmarks.program import free_port, serve
from benchmarks.sync_scenes import empty, folders, make_small, run
from simulacra.actors.cluster.enrolling import Enrolling
from simulacra.actors.settings import Settings
from simulacra.client import Client

_TREE = "bench"
_SECONDS = 110.0
_MEGABYTE = 1e6


class Ours:
    """A tree that one node has and the other follows.

    Args:
        clients: of the nodes, that of the main store first.
        there: the main store.
        here: the follower's folder.
        state: where the follower keeps what it knows of trees.
    """

    def __init__(self, clients: Sequence[Client], there: Path, here: Path, state: Path) -> None:
        self._has, self._follows = clients
        self._here, self._state = here, state
        self._is_followed = False
        self._has.item("tree_add", name=_TREE, path=str(there))
        until(lambda: self._follows.item("tree_list")["trees"])

    def sync(self) -> None:
        """Follow the tree, if that is not so yet, have all of it looked at, and wait for both."""
        if not self._is_followed:
            self._follows.item("tree_follow", name=_TREE, path=str(self._here))
            self._is_followed = True
            until(lambda: self._hosts() == 2)
        self._has.item("tree_sync", name=_TREE, timeout=_SECONDS)

    def forget(self) -> None:
        """Follow it no more."""
        if self._is_followed:
            [tree] = self._follows.item("tree_list")["trees"]
            self._follows.item("tree_unfollow", name=_TREE, force=True)
            self._is_followed = False
            until(lambda: self._hosts() == 1)
            shutil.rmtree(self._state / tree["id"])
        empty(self._here)

    def _hosts(self) -> int:
        [tree] = self._has.item("tree_list")["trees"]
        return len(tree["hosts"])


@contextmanager
def _nodes(home: Path) -> Iterator[tuple[list[Client], list[Settings]]]:
    """Two nodes, the second invited by the first."""
    os.environ["SIMULACRA_HOME"] = str(home)
    address = {name: f"127.0.0.1:{free_port()}" for name in "ab"}
    first, second = (Settings.load({"name": name, "listen": address[name]}) for name in "ab")
    Enrolling(first.paths, "a").found("bench", address["a"])
    with running(first) as has:
        until(lambda: has.item("status")["door"])
        token = Enrolling(first.paths, "a").invite("inside", 600.0).text()
        door = has.item("status")["door"]
        Enrolling(second.paths, "b").join(token, [door], address["b"])
        with running(second) as follows:
            for client in (has, follows):
                until(lambda client=client: any(_is_up(client)))  # type: ignore[misc]
            yield [has, follows], [first, second]


def _is_up(client: Client) -> list[bool]:
    return [peer["state"] == "up" for peer in client.item("status")["peers"]]


@contextmanager
def start(there: Path, here: Path) -> Iterator[Ours]:
    """Run the nodes, with all that they keep in memory as well."""
    home = there.parent / "home"
    with _nodes(home) as (clients, (_, second)):
        yield Ours(clients, there, here, second.paths.state / "b" / "trees")


def memory(amount: int) -> float:
    """The most that a node occupied in a first sync of small files."""
    with folders() as (there, here):
        make_small(there, amount, random.Random(1))
        with _nodes(there.parent / "home") as (clients, _):
            pids = [client.item("status")["pid"] for client in clients]
            with _watched(pids) as most:
                Ours(clients, there, here, there.parent).sync()
            return most() / _MEGABYTE


@contextmanager
def _watched(pids: list[int]) -> Iterator[Callable[[], float]]:
    """Yields what says how much any of these processes occupied at most so far."""
    processes = [psutil.Process(pid) for pid in pids]
    most = [0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            most[0] = max(most[0], *(process.memory_info().rss for process in processes))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: float(most[0])
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    if sys.argv[1] == "memory":
        serve(memory)
    else:
        run(start, sys.argv[1])
