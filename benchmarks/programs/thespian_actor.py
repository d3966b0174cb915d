"""Peer: Thespian's multiprocTCPBase, an actor in a process of its own; `ask` or `tell`.

The admin, which Thespian makes a daemon, is shut down with the program.
"""

import sys
import time
from datetime import timedelta
from typing import Any

from thespian.actors import Actor, ActorSystem

from benchmarks.program import PAYLOAD, free_port, microseconds_each, serve

_ASK = timedelta(seconds=5)
_COUNTED = "counted"


class Echo(Actor):  # type: ignore[misc] # Thespian is untyped
    """Echoes a tuple, counts payloads, and says how many."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def receiveMessage(self, message: object, sender: object) -> None:  # noqa: N802 - Thespian's
        """Handles one message."""
        if isinstance(message, tuple):
            self.send(sender, message)
        elif message == _COUNTED:
            self.send(sender, self._count)
        elif message == PAYLOAD:
            self._count += 1


def main(mode: str) -> None:
    """Measures asks (µs each) or tells (messages a second) from outside the actor system."""
    system = ActorSystem("multiprocTCPBase", capabilities={"Admin Port": free_port()})
    try:
        echo = system.createActor(Echo)

        def ask(message: object) -> Any:
            if (answer := system.ask(echo, message, _ASK)) is None:
                raise TimeoutError(f"no answer within {_ASK}")
            return answer

        def tell(count: int) -> float:
            due = ask(_COUNTED) + count
            started = time.perf_counter()
            for _ in range(count):
                system.tell(echo, PAYLOAD)
            while ask(_COUNTED) < due:
                pass
            return count / (time.perf_counter() - started)

        if mode == "ask":
            serve(lambda count: microseconds_each(lambda: ask((PAYLOAD,)), count))
        else:
            serve(tell)
    finally:
        system.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
