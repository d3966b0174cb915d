from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from simulacra.actors.gateway import endpoint
from simulacra.actors.gateway.frames import ErrorCode, GatewayError


def test_socket_is_private_in_a_private_directory(tmp_path: Path) -> None:
    path = tmp_path / "run" / "desk"
    path.parent.mkdir(mode=0o755)
    with endpoint.listen(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_living_node_keeps_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "desk"
    with endpoint.listen(path):
        with pytest.raises(GatewayError, match="already up") as refused:
            endpoint.listen(path)
        assert refused.value.code is ErrorCode.FAILED
        endpoint.connect(path, timeout=1).close()


def test_a_dead_node_loses_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "desk"
    endpoint.listen(path).close()
    assert path.exists()
    with endpoint.listen(path):
        endpoint.connect(path, timeout=1).close()


def test_remove_leaves_the_socket_of_a_successor(tmp_path: Path) -> None:
    path = tmp_path / "desk"
    with endpoint.listen(path):
        endpoint.remove(path)
        assert path.exists()
    endpoint.remove(path)
    assert not path.exists()


def test_remove_after_the_directory_went(tmp_path: Path) -> None:
    endpoint.remove(tmp_path / "gone" / "desk")


def test_a_path_longer_than_a_socket_address(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 100) / ("y" * 100) / "desk"
    with endpoint.listen(path):
        assert path.is_socket()
        endpoint.connect(path, timeout=1).close()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_directory_is_refused(tmp_path: Path, kind: str) -> None:
    if kind == "link":
        (tmp_path / "run").symlink_to(tmp_path)
    else:
        (tmp_path / "run").touch()
    with pytest.raises(GatewayError) as refused:
        endpoint.listen(tmp_path / "run" / "desk")
    assert refused.value.code is ErrorCode.DENIED


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to make a directory of somebody else's")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 1, 1)
    with pytest.raises(GatewayError, match="not a directory of yours") as refused:
        endpoint.listen(tmp_path / "desk")
    assert refused.value.code is ErrorCode.DENIED


def test_peer_uid_is_this_process() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert endpoint.peer_uid(ours) == os.getuid()
