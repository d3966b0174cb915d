from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.folder_lock import lock
from simulacra.actors.gateway.frames import GatewayError


def test_one_at_a_time_holds_a_folder(tmp_path: Path) -> None:
    first = lock(tmp_path / "state" / "desk", "desk")
    with pytest.raises(GatewayError, match="node desk is already up"):
        lock(tmp_path / "state" / "desk", "desk")
    other = lock(tmp_path / "state" / "nas", "nas")
    os.close(first)
    again = lock(tmp_path / "state" / "desk", "desk")
    os.close(again)
    os.close(other)


HOLDER = """
import sys
from pathlib import Path
from simulacra.actors.folder_lock import lock
lock(Path(sys.argv[1]), "desk")
memory = bytearray(300 << 20)
memory[::4096] = bytes(len(memory) // 4096)
print("has it", flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock, and takes its time to end: it has much memory."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "has it\n"
        try:
            yield process
        finally:
            process.kill()


def test_one_that_was_killed_is_waited_for(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        with pytest.raises(GatewayError, match="node desk is already up"):
            lock(tmp_path, "desk")
        process.kill()
        os.close(lock(tmp_path, "desk"))


def test_one_that_does_not_end_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        # Another process has its lock, as if it had a thread that waits for a disk.
        with (tmp_path / "lock").open() as same:
            fcntl.flock(same, fcntl.LOCK_EX)
            with pytest.raises(GatewayError, match="node desk is already up"):
                lock(tmp_path, "desk", patience=0.1)


@pytest.mark.parametrize("found", ["nobody\n", "2\n", "2 pid:[1]\n"])
def test_who_holds_it_need_not_be_known(tmp_path: Path, found: str) -> None:
    (tmp_path / "lock").write_text(found)
    with (tmp_path / "lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(GatewayError, match="node desk is already up"):
            lock(tmp_path, "desk")
    os.close(lock(tmp_path, "desk"))
    assert (tmp_path / "lock").read_text().split()[0] == str(os.getpid())


def test_a_disk_that_keeps_no_locks_is_not_taken_for_another_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(GatewayError, match="cannot be locked: No locks available"):
        lock(tmp_path, "desk")
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(GatewayError, match="cannot be locked: Not a directory") as failed:
        lock(tmp_path / "state" / "desk", "desk")
    assert "SIMULACRA_HOME" in (failed.value.hint or "")
