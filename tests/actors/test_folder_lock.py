from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

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
