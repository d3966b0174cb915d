"""Peer: xoscar, an actor in another process's pool over loopback TCP; `ask` or `tell`."""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine

import xoscar

from benchmarks.program import PAYLOAD, helper, python_helper, serve

_UID = "echo"
Sample = Callable[[int], Coroutine[None, None, float]]


class Echo(xoscar.Actor):  # type: ignore[misc] # xoscar is untyped
    """Answers with what it was sent, and counts what it was told."""

    def __init__(self) -> None:
        self._count = 0

    def echo(self, payload: bytes) -> bytes:
        """Returns the payload."""
        return payload

    def count_one(self, _payload: bytes) -> None:
        """Counts one message."""
        self._count += 1

    def counted(self) -> int:
        """Returns how many were counted since the start."""
        return self._count


async def host() -> None:
    """Hosts the actor until standard input ends; prints the pool's address."""
    pool = await xoscar.create_actor_pool("127.0.0.1", n_process=0)
    async with pool:
        await xoscar.create_actor(Echo, address=pool.external_address, uid=_UID)
        print(pool.external_address, flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def client(mode: str, address: str) -> None:
    """Measures asks (µs each) or tells (messages a second) from a pool of its own."""
    pool = await xoscar.create_actor_pool("127.0.0.1", n_process=0)
    async with pool:
        echo = await xoscar.actor_ref(_UID, address=address)
        loop = asyncio.get_running_loop()
        take = _ask(echo) if mode == "ask" else _tell(echo)
        await asyncio.to_thread(
            serve, lambda count: asyncio.run_coroutine_threadsafe(take(count), loop).result()
        )


def _ask(echo: xoscar.ActorRef) -> Sample:
    async def sample(count: int) -> float:
        started = time.perf_counter()
        for _ in range(count):
            await echo.echo(PAYLOAD)
        return (time.perf_counter() - started) / count * 1e6

    return sample


def _tell(echo: xoscar.ActorRef) -> Sample:
    async def sample(count: int) -> float:
        due = await echo.counted() + count
        started = time.perf_counter()
        for _ in range(count):
            await echo.count_one.tell(PAYLOAD)
        while await echo.counted() < due:
            pass
        return count / (time.perf_counter() - started)

    return sample


if __name__ == "__main__":
    if sys.argv[1] == "host":
        asyncio.run(host())
    else:
        with helper(*python_helper("benchmarks.programs.xoscar_actor", "host")) as where:
            asyncio.run(client(sys.argv[1], where))
