"""Peer: unison with a server on a socket; see `benchmarks.sync_scenes` for the modes."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.program import free_port
from benchmarks.sync_scenes import empty, run


class Unison:
    """unison from `there` to a server that has `here`."""

    def __init__(self, port: int, there: Path, here: Path, home: Path) -> None:
        self._there, self._here, self._home = there, here, home
        self._other = f"socket://127.0.0.1:{port}/{here}"

    def sync(self) -> None:
        """Make both alike."""
        options = [
            "-batch",
            "-auto",
            "-silent",
            "-times",
            "-fastcheck=true",
            "-confirmbigdel=false",
        ]
        command = ["unison", str(self._there), self._other, *options]
        environment = os.environ | {"UNISON": str(self._home)}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)

    def forget(self) -> None:
        """Remove unison's archives too: else it would take the files for deleted."""
        empty(self._here)
        for archive in self._home.glob("[af]*"):
            archive.unlink()


@contextmanager
def start(there: Path, here: Path) -> Iterator[Unison]:
    """Run the server."""
    port, home = free_port(), there.parent / "unison"
    home.mkdir()
    server = subprocess.Popen(
        ["unison", "-socket", str(port)],
        env=os.environ | {"UNISON": str(home)},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        yield Unison(port, there, here, home)
    finally:
        server.kill()
        server.wait(5)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    run(start, sys.argv[1])
