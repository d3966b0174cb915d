"""The line protocol between the harness and a measured program, seen from the program.

1. The program sets itself up, then prints `ready`.
2. For each line on its standard input, a number of operations, it takes one sample and prints
   it as a JSON number.
3. At the end of its input it takes itself down and exits 0.

The end of the input is also what ends a program's own helper process, so that nothing
outlives a harness that was killed.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PAYLOAD = bytes(range(100))
"""The message of every ask and tell that is measured: 100 bytes."""

READY = "ready"
_EXIT_SECONDS = 5


def serve(sample: Callable[[int], float]) -> None:
    """Answers every line of standard input with one sample, until the input ends."""
    print(READY, flush=True)
    for line in sys.stdin:
        print(json.dumps(sample(int(line))), flush=True)


def microseconds_each(operation: Callable[[], object], count: int) -> float:
    """Runs `operation` `count` times in a row; returns the mean time of one in µs."""
    started = time.perf_counter()
    for _ in range(count):
        operation()
    return (time.perf_counter() - started) / count * 1e6


@contextmanager
def helper(*argv: str) -> Iterator[str]:
    """Runs the other process of a pair; yields the first line it prints (say, its port).

    The helper has to exit when its standard input ends; one that does not is killed.
    """
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            try:
                process.wait(_EXIT_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def python_helper(module: str, *arguments: str) -> tuple[str, ...]:
    """The command of a helper that is a Python module, for `helper`."""
    return (sys.executable, "-m", module, *arguments)


def exit_with_input() -> None:
    """Lets a helper that only serves end at once when its standard input ends."""

    def watch() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=watch, name="exit-with-input", daemon=True).start()


def free_port() -> int:
    """Returns a TCP port of the loopback interface that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
