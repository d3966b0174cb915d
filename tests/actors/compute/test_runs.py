from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from simulacra.actors.compute import runs
from simulacra.actors.compute.run_frames import Beat, Ended, Grant, Piece, Sent, pack, unpack
from simulacra.actors.compute.runs import RUNS, Holds, IsFolder, Look, StartRun
from simulacra.actors.runtime import Ref
from simulacra.actors.runtime.bulk import BulkError, Ticket
from simulacra.actors.runtime.bulk_client import BulkClient
from simulacra.actors.runtime.bulk_line import Line, LineError
from simulacra.actors.runtime.transport import Transport
from tests.onehost import Host, is_gone, one_host, until
from tests.support import no_thread


class Own:
    """A node, and a client of its bulk port with the node's own key."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.actor: Ref = host.node.system.ref(RUNS)

    def start(self, folder: Path, script: str, shape: tuple[int, int] | None = None) -> Ticket:
        argv = [b"sh", b"-c", script.encode()]
        ticket = self.actor.ask(StartRun(argv, os.fsencode(folder), [], shape, False))
        assert isinstance(ticket, Ticket)
        return ticket


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Own]:
    monkeypatch.setattr(Transport, "admits", lambda *_: True)  # also the node's own key
    with one_host(tmp_path / "home") as host:
        yield Own(host)


@pytest.fixture
def client(own: Own) -> Iterator[BulkClient]:
    node = own.host.node
    pair = node.neighbours.pair
    client = BulkClient(pair, lambda _: ("127.0.0.1", pair.public))
    yield client
    client.close()


def pid_in(file: Path) -> int:
    return int(until(lambda: file.exists() and file.read_text()) or 0)


def ended(line: Line) -> int:
    """How it ended, whatever it wrote."""
    while not isinstance(frame := unpack(line.receive()), Ended):
        pass
    assert frame.status is not None
    return os.waitstatus_to_exitcode(frame.status)


def receive_all(line: Line) -> None:
    while True:
        line.receive()


def say_and_hear(line: Line) -> None:
    line.send(pack(Beat()))  # unless it was hung up on already
    line.receive()


def test_what_nobody_comes_for_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "COME_WITHIN", 2.0)  # a loaded machine is to get to the echo
    with one_host(tmp_path / "home") as host:
        Own(host).start(tmp_path, "echo $$ > pid; exec sleep 100")
        pid = pid_in(tmp_path / "pid")
        until(lambda: is_gone(pid))


def test_it_ends_with_the_node(tmp_path: Path) -> None:
    with one_host(tmp_path / "home") as host:
        Own(host).start(tmp_path, "echo $$ > pid; exec sleep 100")
        pid = pid_in(tmp_path / "pid")
    until(lambda: is_gone(pid))


def test_a_line_is_taken_up_once(own: Own, client: BulkClient, tmp_path: Path) -> None:
    ticket = own.start(tmp_path, "cat; exit 3")
    with client.talk(ticket) as line:
        line.send(pack(Piece(0, b"words")))
        line.send(pack(Piece(0, b"")))
        frames = []
        while not isinstance(frame := unpack(line.receive()), Ended):
            frames.append(frame)
        assert Piece(1, b"words") in frames
        assert os.waitstatus_to_exitcode(frame.status or 0) == 3
    with pytest.raises(BulkError, match="nobody waits there"), client.talk(ticket):
        pass


@pytest.mark.parametrize("early", [Piece(0, b"\x03"), Sent(signal.SIGINT)])
def test_what_comes_before_the_command_has_begun_reaches_it(
    own: Own, client: BulkClient, tmp_path: Path, early: Piece | Sent
) -> None:
    with client.talk(own.start(tmp_path, "exec sleep 100", (24, 80))) as line:
        line.send(pack(early))
        assert ended(line) == -signal.SIGINT


def test_a_node_that_hears_no_signal_starts_what_does(
    own: Own, client: BulkClient, tmp_path: Path
) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as for what a shell starts with &
    try:
        ticket = own.start(tmp_path, "exec sleep 100", (24, 80))
    finally:
        signal.signal(signal.SIGINT, before)
    with client.talk(ticket) as line:
        line.send(pack(Sent(signal.SIGINT)))
        assert ended(line) == -signal.SIGINT


def test_a_client_that_breaks_the_rules_is_hung_up_on(
    own: Own, client: BulkClient, tmp_path: Path
) -> None:
    for wrong in (b"?", pack(Ended(0)), pack(Grant(1)), pack(Sent(999)), pack(Piece(1, b"x"))):
        ticket = own.start(tmp_path, "echo $$ > pid; exec sleep 100")
        pid = pid_in(tmp_path / "pid")
        (tmp_path / "pid").unlink()
        with client.talk(ticket) as line:
            line.send(wrong)
            with pytest.raises(LineError):
                receive_all(line)
        until(partial(is_gone, pid))


def test_a_key_that_is_expelled_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    admitted = [True]
    monkeypatch.setattr(Transport, "admits", lambda *_: admitted[0])
    with one_host(tmp_path / "home") as host:
        pair = host.node.neighbours.pair
        client = BulkClient(pair, lambda _: ("127.0.0.1", pair.public))
        ticket = Own(host).start(tmp_path, "echo $$ > pid; exec sleep 100")
        pid = pid_in(tmp_path / "pid")
        with client.talk(ticket) as line:
            admitted[0] = False
            with pytest.raises(LineError):
                say_and_hear(line)
        client.close()
        until(lambda: is_gone(pid))


def test_a_node_without_threads_refuses_and_goes_on(
    own: Own, client: BulkClient, tmp_path: Path
) -> None:
    running = own.start(tmp_path, "echo $$ > pid; exec cat")
    pid = pid_in(tmp_path / "pid")
    with client.talk(running) as line:
        with no_thread("runs@"), pytest.raises(OSError, match="can't start new thread"):
            own.start(tmp_path, "true")
        assert not is_gone(pid)
        line.send(pack(Piece(0, b"")))
        assert ended(line) == 0


def test_a_command_that_nobody_can_be_told_of_is_ended(
    own: Own, client: BulkClient, tmp_path: Path
) -> None:
    ticket = own.start(tmp_path, "echo $$ > pid; exec sleep 100")
    pid = pid_in(tmp_path / "pid")
    with no_thread("run-pump"), client.talk(ticket) as line, pytest.raises(LineError):
        line.receive()
    until(lambda: is_gone(pid))


def test_a_directory_or_a_word_that_cannot_be(own: Own, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError):
        own.start(tmp_path / "none", "true")
    with pytest.raises(NotADirectoryError):
        own.start(tmp_path / "file", "true")
    with pytest.raises(OSError, match="null byte"):
        own.start(tmp_path, "tr\0ue")
    # Each gave its place back.
    for _ in range(runs._LIMIT + 1):
        with pytest.raises(FileNotFoundError):
            own.start(tmp_path / "none", "true")


def test_a_file_is_held_only_under_its_name_and_with_its_text(own: Own, tmp_path: Path) -> None:
    (tmp_path / "proof").write_bytes(b"text")
    folder = os.fsencode(tmp_path)
    answers = {
        (b"text", "proof"): True,
        (b"other", "proof"): False,
        (b"text", "none"): False,
        (b"text", f"../{tmp_path.name}/proof"): False,
    }
    for (text, name), held in answers.items():
        assert own.actor.ask(Holds(folder, name, text)) is held
    assert own.actor.ask(Holds(folder + b"/none", "proof", b"text")) is False


def test_a_directory_is_told_from_a_file_and_from_nothing(own: Own, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, there in ((".", True), ("file", False), ("none", False), ("\0", False)):
        assert own.actor.ask(IsFolder(os.fsencode(tmp_path / name))) is there


def test_a_tree_that_is_not_here_is_not_looked_at(own: Own) -> None:
    assert own.actor.ask(Look("none")) is False
