"""Ours: an ask within one process (µs each)."""

from typing import Any

from benchmarks.program import PAYLOAD, microseconds_each, serve
from simulacra.actors.runtime.actor import Actor
from simulacra.actors.runtime.system import ActorSystem


class Echo(Actor):
    """Answers with what it was sent."""

    def on_receive(self, message: Any) -> Any:
        """Returns the message."""
        return message


if __name__ == "__main__":
    with ActorSystem("benchmark") as system:
        echo = system.spawn(Echo)
        serve(lambda count: microseconds_each(lambda: echo.ask(PAYLOAD), count))
