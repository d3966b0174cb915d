"""Lines over real sockets: frames whole and in order, and every way in which a line ends."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from simulacra.actors.runtime.bulk_line import FRAME_LIMIT, Line, LineError
from simulacra.actors.runtime.keys import KeyPair
from simulacra.actors.runtime.noise import TAG

NEAR, FAR = KeyPair.generate(), KeyPair.generate()
PATIENCE = 60.0


class Listener:
    """Where a node can be dialed, which answers one connection in a thread.

    Who dials 127.0.0.2 has another address himself, so that these lines are sealed.
    """

    def __init__(self, host: str = "127.0.0.2") -> None:
        self.socket = socket.create_server((host, 0))
        self.host, self.port = self.socket.getsockname()
        self.problem = ""

    def dial(self, key: str = FAR.public, patience: float = PATIENCE) -> Line:
        return Line.dial(self.host, self.port, NEAR, key, patience)

    def answer(self, patience: float = PATIENCE) -> Line:
        return Line.answer(self.socket.accept()[0], FAR, patience)

    def pair(self) -> tuple[Line, Line]:
        answered: list[Line] = []
        thread = threading.Thread(target=lambda: answered.append(self.answer()))
        thread.start()
        near = self.dial()
        thread.join(PATIENCE)
        return near, answered[0]


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    with listener.socket:
        yield listener


@pytest.fixture
def at_home() -> Iterator[Listener]:
    """Whoever dials this has the same address."""
    listener = Listener("127.0.0.1")
    with listener.socket:
        yield listener


Ends = tuple[Line, Line]


@contextmanager
def ends_of(listener: Listener) -> Iterator[Ends]:
    near, far = listener.pair()
    with closing(near), closing(far):
        yield near, far


@pytest.fixture
def ends(listener: Listener) -> Iterator[Ends]:
    with ends_of(listener) as ends:
        assert not any(end.is_bare for end in ends)
        yield ends


@pytest.fixture
def bare_ends(at_home: Listener) -> Iterator[Ends]:
    with ends_of(at_home) as ends:
        assert all(end.is_bare for end in ends)
        yield ends


def send_all(line: Line, frames: list[bytes]) -> None:
    for frame in frames:
        line.send(frame)


def test_both_know_whom_they_speak_to(ends: Ends) -> None:
    assert (ends[0].key, ends[1].key) == (FAR.public, NEAR.public)


@pytest.mark.parametrize("size", [0, 1, 100_000, FRAME_LIMIT - TAG])
def test_frames_come_whole_and_in_order_both_ways(ends: Ends, size: int) -> None:
    frames = [bytes([number]) * size for number in range(3)]
    for sender, receiver in (ends, ends[::-1]):
        sending = threading.Thread(target=send_all, args=(sender, frames))
        sending.start()
        assert [receiver.receive() for _ in frames] == frames
        sending.join(PATIENCE)


@pytest.mark.parametrize("size", [0, 1, 100_000, FRAME_LIMIT])
def test_where_no_wire_is_between_frames_go_as_they_are(bare_ends: Ends, size: int) -> None:
    near, far = bare_ends
    assert (near.key, far.key) == (FAR.public, NEAR.public)
    test_frames_come_whole_and_in_order_both_ways(bare_ends, size)
    near.send(b"seen by all")
    assert far._socket.recv(15, socket.MSG_PEEK | socket.MSG_WAITALL)[4:] == b"seen by all"
    assert far.receive() == b"seen by all"


class Kernels:
    """In place of the kernel's file: at every look another kernel has started."""

    def __init__(self) -> None:
        self.looks = 0

    def read_bytes(self) -> bytes:
        self.looks += 1
        return b"%d\n" % self.looks


def test_a_line_is_sealed_where_the_two_do_not_run_on_one_kernel(
    at_home: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulacra.actors.boot._BOOT", Kernels())
    with ends_of(at_home) as ends:
        assert [end.is_bare for end in ends] == [False, False]


def test_a_greeting_that_somebody_repeats_opens_no_bare_line(at_home: Listener) -> None:
    heard = bytearray()

    def overhear() -> None:
        connection, _ = at_home.socket.accept()
        with connection:
            heard.extend(connection.recv(1000))

    thread = threading.Thread(target=overhear)
    thread.start()
    with pytest.raises(LineError):
        at_home.dial(patience=0.2)
    thread.join(PATIENCE)
    with socket.create_connection((at_home.host, at_home.port)) as repeated:
        repeated.sendall(heard + struct.pack(">I", TAG) + bytes(TAG))
        with pytest.raises(LineError, match="speaks another protocol, or means another node"):
            at_home.answer()


def test_a_frame_over_the_limit_ends_the_line(ends: Ends) -> None:
    ends[0]._socket.sendall(struct.pack(">I", FRAME_LIMIT + 1))
    with pytest.raises(LineError, match=f"sent a frame of {FRAME_LIMIT + 1} bytes"):
        ends[1].receive()


def test_a_frame_that_was_changed_on_its_way_ends_the_line(ends: Ends) -> None:
    ends[0]._socket.sendall(struct.pack(">I", 20) + bytes(20))
    with pytest.raises(LineError, match="sent what cannot be read"):
        ends[1].receive()


def test_silence_and_a_side_that_reads_nothing_end_the_line(ends: Ends) -> None:
    ends[0].patience(receiving=0.05, sending=0.05)
    with pytest.raises(LineError, match="sent nothing in time"):
        ends[0].receive()
    with pytest.raises(LineError, match="takes no more"):
        send_all(ends[0], [bytes(2**20)] * 100)


def test_what_comes_slowly_comes(ends: Ends) -> None:
    ends[1].patience(receiving=0.2, sending=PATIENCE)
    sealed = bytes(ends[0]._sending.seal(b"slowly"))
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(ends[1].receive()))
    thread.start()
    for byte in struct.pack(">I", len(sealed)) + sealed:
        ends[0]._socket.sendall(bytes([byte]))
        thread.join(0.02)  # together longer than the patience for one of them
    thread.join(PATIENCE)
    assert received == [b"slowly"]


def test_it_is_quiet_until_something_comes_or_the_other_side_goes(ends: Ends) -> None:
    assert ends[1].is_quiet
    ends[0].send(b"x")
    ends[1]._socket.recv(1, socket.MSG_PEEK)
    assert not ends[1].is_quiet
    ends[1].receive()
    assert ends[1].is_quiet
    ends[0].abort()
    with pytest.raises(LineError, match="has closed the connection"):
        ends[1].receive()
    assert not ends[1].is_quiet


def test_aborting_ends_what_waits(ends: Ends) -> None:
    failed: list[LineError] = []

    def wait() -> None:
        try:
            ends[0].receive()
        except LineError as error:
            failed.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    ends[0].abort()
    thread.join(PATIENCE)
    assert "closed" in str(failed[0])
    ends[0].abort()


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"", "sent nothing in time"),
        (b"GET / HTTP/1.0\r\n\r\n", "sent a frame of"),
        (struct.pack(">I", 96) + bytes(96), "speaks another protocol, or means another node"),
    ],
)
def test_whoever_is_no_node_is_told_from_one(listener: Listener, said: bytes, problem: str) -> None:
    with socket.create_connection((listener.host, listener.port)) as stranger:
        stranger.sendall(said)
        with pytest.raises(LineError, match=problem):
            listener.answer(patience=0.1)


def test_whoever_answers_without_the_key_is_not_taken_for_the_node(listener: Listener) -> None:
    def impostor() -> None:
        connection, _ = listener.socket.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(struct.pack(">I", 48) + bytes([9]) * 48)

    thread = threading.Thread(target=impostor)
    thread.start()
    with pytest.raises(LineError, match="is not who it should be"):
        listener.dial()
    thread.join(PATIENCE)


def test_where_nobody_listens_nobody_is_reached(listener: Listener) -> None:
    listener.socket.close()
    with pytest.raises(LineError, match="cannot be reached at 127"):
        listener.dial()
