"""Peer: rsync from a daemon, with --fsync; see `benchmarks.sync_scenes` for the modes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.program import free_port
from benchmarks.sync_scenes import empty, run


class Rsync:
    """rsync as a client of a daemon that serves `there`."""

    def __init__(self, port: int, here: Path) -> None:
        self._here = here
        self._url = f"rsync://127.0.0.1:{port}/there/"

    def sync(self) -> None:
        """Fetch what differs."""
        command = ["rsync", "--archive", "--delete", "--fsync", self._url, f"{self._here}/"]
        subprocess.run(command, check=True)

    def forget(self) -> None:
        """rsync remembers nothing."""
        empty(self._here)


@contextmanager
def start(there: Path, here: Path) -> Iterator[Rsync]:
    """Run the daemon."""
    port = free_port()
    config = there.parent / "rsyncd.conf"
    config.write_text(f"use chroot = no\n[there]\npath = {there}\nuid = root\ngid = root\n")
    command = ["rsync", "--daemon", "--no-detach", "--address=127.0.0.1"]
    daemon = subprocess.Popen([*command, f"--port={port}", f"--config={config}"])
    try:
        _wait(port)
        yield Rsync(port, here)
    finally:
        daemon.terminate()
        daemon.wait(5)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 10
    question = ["rsync", "--contimeout=1", f"rsync://127.0.0.1:{port}/"]
    while subprocess.run(question, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline:
            raise TimeoutError("the rsync daemon does not answer")
        time.sleep(0.05)


if __name__ == "__main__":
    run(start, sys.argv[1])
