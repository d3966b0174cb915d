from __future__ import annotations

import socket
import threading
from operator import getitem
from pathlib import Path

import pytest

from simulacra.actors.gateway import endpoint
from simulacra.actors.gateway.frames import ErrorCode, GatewayError, pack
from simulacra.client import Client, find_socket


class Impostor:
    """Listens like a node, and sends what it is given to the first who connects."""

    def __init__(self, path: Path, answer: bytes) -> None:
        self._listener = endpoint.listen(path)
        self._answer = answer
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.sendall(self._answer)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass


GREETING = pack({"gateway": 1, "node": "desk", "version": "1", "pid": 1})


def test_what_an_older_node_does_not_say_is_said_to_be_missing_and_why(tmp_path: Path) -> None:
    path, answer = tmp_path / "desk", {"peers": [{"host": "nas"}]}
    with Impostor(path, GREETING + pack({"id": "x", "item": answer}) + pack({"end": True})):
        found = Client(path).item("status")
    assert found == answer
    assert (found.get("out"), dict(found["peers"][0])) == (None, {"host": "nas"})
    for lacking in (found, found["peers"][0]):
        said = "the node says no 'out': it is of version 1"
        with pytest.raises(GatewayError, match=said) as error:
            getitem(lacking, "out")
        assert error.value.hint.endswith("simulacra down, then simulacra up --detach")
        assert type(lacking)(lacking.items()) == lacking  # as `dataclasses.asdict` copies it


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "speaks version None"),
        (pack({"gateway": 2}), "speaks version 2"),
        (b"HTTP/1.1 400 no\r\n", "over the limit"),
        (GREETING, "went away"),
        (GREETING + pack({"id": "x", "item": 1}), "went away"),
        (GREETING + b"\xff\xff\xff\xff", "over the limit"),
        (GREETING + pack({"id": "x", "end": True}), "0 items"),
    ],
)
def test_whatever_the_other_end_says_is_a_clear_error(
    tmp_path: Path, answer: bytes, said: str
) -> None:
    path = tmp_path / "desk"
    with Impostor(path, answer), pytest.raises(GatewayError, match=said) as failed:
        Client(path).item("status")
    assert failed.value.code is ErrorCode.UNREACHABLE
    assert failed.value.hint.count("simulacra") >= 1


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="no node is up") as failed:
        Client(tmp_path / "desk").item("status")
    assert failed.value.code is ErrorCode.UNREACHABLE


def test_which_socket_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULACRA_HOME", str(tmp_path))
    monkeypatch.setenv("SIMULACRA_NAME", "desk")
    run = tmp_path / "run"
    assert find_socket() == run / "desk"
    assert find_socket("nas") == run / "nas"
    with endpoint.listen(run / "alpha"):
        assert find_socket() == run / "alpha"
        with endpoint.listen(run / "beta"):
            with pytest.raises(GatewayError, match="alpha, beta") as unclear:
                find_socket()
            assert "--node alpha" in unclear.value.hint
            with endpoint.listen(run / "desk"):
                assert find_socket() == run / "desk"
