"""Who is answered at the helper's socket, and what it endures."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from simulacra.overlay.mesh import frames, helper_socket
from simulacra.overlay.mesh.helper_socket import Server, listen
from tests.support import DEADLINE, eventually, no_thread


class Listener:
    """A listener to whom the process has at first no descriptor to give."""

    def __init__(self, path: Path, failures: int = 0) -> None:
        self.inner = listen(path)
        self.failures = failures

    def accept(self) -> tuple[socket.socket, Any]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self.inner.accept()

    def fileno(self) -> int:
        return self.inner.fileno()


def echo(request: dict[str, Any]) -> dict[str, Any]:
    return {"told": request["say"]}


@contextmanager
def served(path: Path, user: int, failures: int = 0) -> Iterator[None]:
    listener = Listener(path, failures)
    server = Server(echo, listener, user)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield
    finally:
        listener.inner.shutdown(socket.SHUT_RDWR)
        listener.inner.close()
        thread.join(DEADLINE)
    assert not thread.is_alive()
    eventually(lambda: not [each for each in threading.enumerate() if each.name == "helper-ask"])


def say(path: Path, word: str) -> object:
    """What is answered; None if one is turned away."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE)
        connection.connect(str(path))
        try:
            frames.send(connection, {"say": word})
            answer = frames.receive(connection)
        except OSError:
            return None
        return None if answer is None else answer["told"]


def test_requests_are_answered(tmp_path: Path) -> None:
    with served(tmp_path / "run" / "sock", os.getuid()):
        for word in ("one", "two"):
            assert say(tmp_path / "run" / "sock", word) == word


def test_more_than_it_has_room_for_are_turned_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper_socket, "_CONNECTIONS", 1)
    path = tmp_path / "sock"
    with served(path, os.getuid()):
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(str(path))
            frames.send(first, {"say": "one"})
            assert frames.receive(first) == {"told": "one"}
            assert say(path, "two") is None
        eventually(lambda: say(path, "three") == "three")


def test_without_descriptors_who_comes_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper_socket, "_PAUSE", 0.01)
    with served(tmp_path / "sock", os.getuid(), failures=3):
        assert say(tmp_path / "sock", "word") == "word"


def test_without_threads_who_comes_is_turned_away(tmp_path: Path) -> None:
    ask: Callable[[str], object] = lambda word: say(tmp_path / "sock", word)  # noqa: E731
    with served(tmp_path / "sock", os.getuid()):
        with no_thread("helper-ask"):
            for _ in range(2 * helper_socket._CONNECTIONS):  # each gives its place back
                assert ask("word") is None
        assert ask("word") == "word"
