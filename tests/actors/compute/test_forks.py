"""The server that forks workers: lost and replaced, refused and ended, and nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from simulacra.actors.compute.channel import Channel
from simulacra.actors.compute.forks import Forked, Forks
from tests.actors.compute.workers import eventually, is_reaped
from tests.onehost import is_gone


@pytest.fixture
def forks() -> Iterator[Forks]:
    forks = Forks()
    yield forks
    forks.close()


class Begun:
    """A guard with a worker that waits to begin."""

    def __init__(self, forks: Forks, folder: Path) -> None:
        self.output, streams = os.pipe()
        (self.control, theirs), (self.channel, far) = Channel.pair(), Channel.pair()
        try:
            self.guard: Forked = forks.start_worker(
                folder, streams, theirs.fileno(), far.fileno(), terminal=False
            )
        except BaseException:
            self.close()
            raise
        finally:
            os.close(streams)
            theirs.close()
            far.close()

    def close(self) -> None:
        self.control.close()
        self.channel.close()
        os.close(self.output)


def server_of(forks: Forks) -> psutil.Process:
    assert forks._server is not None
    return psutil.Process(forks._server.pid)


def test_a_guard_ends_with_its_control_socket(forks: Forks, tmp_path: Path) -> None:
    begun = Begun(forks, tmp_path)
    with pytest.raises(subprocess.TimeoutExpired):
        begun.guard.wait(0.01)
    begun.close()
    begun.guard.wait(60)
    begun.guard.kill()  # nobody else is meant by now
    begun.guard.wait()
    eventually(lambda: is_reaped(begun.guard.pid))


def test_a_guard_can_be_killed(forks: Forks, tmp_path: Path) -> None:
    begun = Begun(forks, tmp_path)
    begun.guard.kill()
    begun.guard.wait(60)
    begun.close()


def test_a_server_that_was_killed_is_replaced_and_its_workers_live_on(
    forks: Forks, tmp_path: Path
) -> None:
    first = Begun(forks, tmp_path)
    server = server_of(forks)
    server.kill()
    eventually(lambda: server.status() == psutil.STATUS_ZOMBIE)
    second = Begun(forks, tmp_path)
    assert server_of(forks) != server
    for begun in (first, second):
        with pytest.raises(subprocess.TimeoutExpired):
            begun.guard.wait(0.01)
        begun.close()
        begun.guard.wait(60)


def test_what_a_killed_server_has_not_read_is_asked_of_another(
    forks: Forks, tmp_path: Path
) -> None:
    Begun(forks, tmp_path).close()
    server = server_of(forks)
    server.suspend()
    killing = threading.Timer(0.3, server.kill)  # while it is waited for
    killing.start()
    begun = Begun(forks, tmp_path)
    killing.join()
    assert server_of(forks) != server
    begun.close()
    begun.guard.wait(60)


def test_what_cannot_begin_says_why_where_it_prints(forks: Forks, tmp_path: Path) -> None:
    begun = Begun(forks, tmp_path / "none")
    begun.guard.wait(60)
    assert b"No such file" in os.read(begun.output, 10_000)
    begun.close()


def test_a_server_that_cannot_fork_says_so(forks: Forks, tmp_path: Path) -> None:
    Begun(forks, tmp_path).close()  # it is up by now
    server = server_of(forks)
    eventually(lambda: not server.children())
    descriptors = server.num_fds()
    server.rlimit(psutil.RLIMIT_NOFILE, (descriptors, descriptors))
    with pytest.raises(OSError, match="no worker can be started"):
        Begun(forks, tmp_path)


def test_the_server_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, signal, time\n"
        "from simulacra.actors.compute.forks import FORKS\n"
        "FORKS.get_ready()\n"
        "print(FORKS._server.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    eventually(lambda: is_gone(int(run.stdout)))
