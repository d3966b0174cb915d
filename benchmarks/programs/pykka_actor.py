"""Peer: bare pykka in one process; `ask` measures an ask, `start` starting an actor (µs each)."""

import sys
import time

import pykka

from benchmarks.program import PAYLOAD, microseconds_each, serve


class Echo(pykka.ThreadingActor):
    """Answers with what it was sent."""

    def on_receive(self, message: object) -> object:
        """Returns the message."""
        return message


def start(count: int) -> float:
    """Starts `count` actors; returns µs for each, not counting their stop."""
    started = time.perf_counter()
    refs = [Echo.start() for _ in range(count)]
    took = time.perf_counter() - started
    for ref in refs:
        ref.stop()
    return took / count * 1e6


def main(mode: str) -> None:
    """Serves samples of `mode`."""
    try:
        if mode == "start":
            serve(start)
        else:
            echo = Echo.start()
            serve(lambda count: microseconds_each(lambda: echo.ask(PAYLOAD), count))
    finally:
        pykka.ActorRegistry.stop_all()


if __name__ == "__main__":
    main(sys.argv[1])
