"""A node that may have any port takes the one it had before, if it can."""

from __future__ import annotations

from pathlib import Path

import pytest
import zmq

from simulacra.actors.same_port import listen_again


class Machine:
    """Ports, some of which others have."""

    def __init__(self, *taken: int) -> None:
        self.taken = set(taken)
        self.asked: list[int] = []

    def listen(self, port: int) -> str:
        self.asked.append(port)
        if port in self.taken:
            raise zmq.ZMQError(98)
        return f"tcp://127.0.0.1:{port or 4242}"


def port_of(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])


def test_the_port_is_the_same_again(tmp_path: Path) -> None:
    machine, file = Machine(), tmp_path / "state" / "port"
    first = listen_again(file, machine.listen, port_of)
    assert listen_again(file, machine.listen, port_of) == first
    assert machine.asked == [0, 4242]


def test_where_it_is_taken_another_is_and_is_kept(tmp_path: Path) -> None:
    machine, file = Machine(5000), tmp_path / "port"
    file.write_text("5000\n")
    assert listen_again(file, machine.listen, port_of) == "tcp://127.0.0.1:4242"
    assert machine.asked == [5000, 0]
    assert file.read_text() == "4242\n"


@pytest.mark.parametrize("content", ["", "none", "0", "-1", "70000"])
def test_nonsense_is_as_nothing(tmp_path: Path, content: str) -> None:
    machine, file = Machine(), tmp_path / "port"
    file.write_text(content)
    listen_again(file, machine.listen, port_of)
    assert machine.asked == [0]
    assert file.read_text() == "4242\n"


def test_a_port_that_cannot_be_kept_is_used(tmp_path: Path) -> None:
    file = tmp_path / "file" / "port"
    file.parent.write_text("no folder")
    assert listen_again(file, Machine().listen, port_of) == "tcp://127.0.0.1:4242"


def test_without_any_port_it_fails(tmp_path: Path) -> None:
    with pytest.raises(zmq.ZMQError):
        listen_again(tmp_path / "port", Machine(0).listen, port_of)
