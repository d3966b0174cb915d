from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.gateway import endpoint, server, session
from simulacra.actors.gateway.call import Call, Cancelled, Input
from simulacra.actors.gateway.frames import ErrorCode, Frame, FrameDecoder, GatewayError, pack
from simulacra.client import Client
from tests.support import eventually, no_thread

from .conftest import Serve

LONG = 60.0


def echo(call: Call) -> Iterator[object]:
    yield dict(call.args)


def count(call: Call) -> Iterator[object]:
    yield from range(call.arg("upto", int))


def read_all(connection: socket.socket) -> list[Frame]:
    connection.settimeout(LONG)
    decoder = FrameDecoder()
    frames: list[Frame] = []
    while data := connection.recv(1 << 16):
        frames += decoder.feed(data)
    return frames


def test_a_call_is_answered(serve: Serve) -> None:
    client = serve({"echo": echo})
    assert client.item("echo", name="count", data=b"\xff") == {"name": "count", "data": b"\xff"}


def test_items_stream_in_order(serve: Serve) -> None:
    client = serve({"count": count})
    assert list(client.items("count", upto=1000)) == list(range(1000))
    assert list(client.items("count", upto=0)) == []


def test_greeting_names_node_and_process(serve: Serve) -> None:
    client = serve({})
    with endpoint.connect(client.path, timeout=LONG) as connection:
        connection.shutdown(socket.SHUT_WR)
        (greeting,) = read_all(connection)
    assert greeting == {"gateway": 1, "node": "desk", "version": "1.2.3", "pid": os.getpid()}


def test_errors_keep_code_and_hint(serve: Serve) -> None:
    def fail(call: Call) -> Iterator[object]:
        yield 1
        raise GatewayError(ErrorCode.NOT_FOUND, f"there is no {call.arg('name', str)}", "look")

    seen: list[object] = []
    with pytest.raises(GatewayError, match="there is no x") as failed:
        seen.extend(serve({"fail": fail}).items("fail", name="x"))
    assert (failed.value.code, failed.value.hint) == (ErrorCode.NOT_FOUND, "look")


def test_a_broken_handler_is_an_answer_and_a_traceback_in_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(call: Call) -> Iterator[object]:
        yield 1 // len(call.args)

    with pytest.raises(GatewayError, match="ZeroDivisionError") as failed:
        serve({"broken": broken}).item("broken")
    trace = failed.value.hint.rpartition(" ")[2]
    (record,) = [each for each in caplog.records if each.exc_info]
    assert trace in record.getMessage()


def test_an_item_that_is_no_plain_data_is_an_error(serve: Serve) -> None:
    with pytest.raises(GatewayError, match="cannot travel"):
        serve({"bad": lambda _: [object()]}).item("bad")


def test_a_text_with_bytes_that_are_none_is_an_error_that_says_so(serve: Serve) -> None:
    with pytest.raises(GatewayError, match=r"^'caf\\udce9' is no UTF-8"):
        serve({"echo": echo}).item("echo", name="caf\udce9")


def test_an_unknown_verb_lists_the_known(serve: Serve) -> None:
    with pytest.raises(GatewayError, match="echo") as refused:
        serve({"echo": echo}).item("nonsense")
    assert refused.value.code is ErrorCode.USAGE


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        pack({"verb": "echo"}),
        pack({"id": "x", "verb": "echo", "args": {}, "timeout": "soon"}),
        b"\x00\x00\x00\x01\xc1",
    ],
)
def test_garbage_closes_its_connection_only(serve: Serve, garbage: bytes) -> None:
    client = serve({"echo": echo})
    with endpoint.connect(client.path, timeout=LONG) as bad:
        bad.sendall(garbage)
        assert len(read_all(bad)) == 1
    assert client.item("echo") == {}


def test_garbage_after_the_request_closes_the_connection(serve: Serve) -> None:
    def wait(call: Call) -> Iterator[object]:
        yield "ready"
        call.receive(LONG)

    client = serve({"wait": wait, "echo": echo})
    request = pack({"id": "x", "verb": "wait", "args": {}, "timeout": None})
    with endpoint.connect(client.path, timeout=LONG) as bad:
        bad.sendall(request + request)
        assert "end" not in read_all(bad)[-1]
    assert client.item("echo") == {}


def test_a_client_that_says_nothing_is_closed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "REQUEST_TIMEOUT", 0.05)
    client = serve({})
    with endpoint.connect(client.path, timeout=LONG) as silent:
        assert len(read_all(silent)) == 1


def test_leaving_cancels_the_call_and_closes_the_generator(serve: Serve) -> None:
    closed = threading.Event()

    def follow(call: Call) -> Iterator[object]:
        try:
            while True:
                yield b"more"
                call.receive(0.01)
        finally:
            closed.set()

    client = serve({"follow": follow})
    for _ in client.items("follow", timeout=None):
        break
    assert closed.wait(LONG)


def test_time_out_is_answered_and_cancels(serve: Serve) -> None:
    cancelled = threading.Event()

    def slow(call: Call) -> Iterator[object]:
        try:
            call.receive(LONG)
        except Cancelled:
            cancelled.set()
            raise
        yield "late"

    with pytest.raises(GatewayError, match="in the time") as late:
        serve({"slow": slow}).item("slow", timeout=0.05)
    assert late.value.code is ErrorCode.TIMED_OUT
    assert cancelled.wait(LONG)


def test_duplex_carries_both_ways(serve: Serve) -> None:
    def shout(call: Call) -> Iterator[object]:
        while True:
            event = call.receive(LONG)
            if event == Input(None):
                return
            assert isinstance(event, Input)
            assert event.data is not None
            call.send(event.data.upper())
            yield len(event.data)

    with serve({"shout": shout}).open("shout", timeout=None) as stream:
        stream.send_input(b"abc")
        stream.send_input(b"de")
        stream.send_input(None)
        assert list(stream) == [b"ABC", 3, b"DE", 2]


def test_over_the_bound_calls_are_refused_with_advice(serve: Serve) -> None:
    def hold(call: Call) -> Iterator[object]:
        yield "held"
        call.receive(LONG)

    client = serve({"hold": hold, "echo": echo}, calls=1)
    with client.open("hold") as stream:
        assert next(iter(stream)) == "held"
        with pytest.raises(GatewayError, match="limit") as refused:
            client.item("echo")
        assert refused.value.hint
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        try:
            assert client.item("echo") == {}
            break
        except GatewayError:
            continue
    else:
        pytest.fail("the place was not given back")


def test_a_busy_node_can_still_be_looked_at_and_stopped(serve: Serve) -> None:
    def hold(call: Call) -> Iterator[object]:
        yield "held"
        call.receive(LONG)

    client = serve({"hold": hold, "status": echo, "down": echo}, calls=8)
    with contextlib.ExitStack() as held:
        for _ in range(8):
            assert next(iter(held.enter_context(client.open("hold")))) == "held"
        with pytest.raises(GatewayError, match="already serves 8 calls"):
            client.item("hold")
        assert client.item("status") == client.item("down") == {}


def test_a_client_that_does_not_read_is_cut(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SEND_TIMEOUT", 1)
    ended = threading.Event()

    def flood(_: Call) -> Iterator[object]:
        try:
            while True:
                yield bytes(1 << 16)
        finally:
            ended.set()

    with serve({"flood": flood}).open("flood", timeout=None):
        assert ended.wait(LONG)


def test_many_clients_at_once(serve: Serve) -> None:
    client = serve({"count": count}, calls=16)
    answers: list[list[object]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(list(client.items("count", upto=200))))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert answers == [list(range(200))] * 12


class Failing:
    """A listener to whom the process has at first no descriptor to give."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.left = 2

    def accept(self) -> object:
        if self.left:
            self.left -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self.listener.accept()

    def __getattr__(self, name: str) -> object:
        return getattr(self.listener, name)


def test_a_node_without_descriptors_serves_when_it_has_some_again(tmp_path: Path) -> None:
    gateway = server.Gateway(tmp_path / "desk", {"echo": echo}, node="desk", version="1")
    gateway._listener = failing = Failing(gateway._listener)  # type: ignore[assignment]
    gateway.start()
    try:
        assert Client(tmp_path / "desk").item("echo", name="x") == {"name": "x"}
        assert not failing.left
    finally:
        assert gateway.close()


@pytest.mark.parametrize("named", ["gateway call", "gateway watch"])
def test_a_node_without_threads_says_so_and_serves_when_it_has_some_again(
    serve: Serve, named: str
) -> None:
    client = serve({"echo": echo}, calls=1)

    def said() -> object:
        try:
            return client.item("echo", name="x")
        except GatewayError as error:
            return error.message

    for _ in range(5):  # each gives its place back, when it has answered
        with no_thread(named):
            eventually(lambda: "cannot serve another call" in str(said()))
    eventually(lambda: said() == {"name": "x"})


def test_closing_ends_every_call(tmp_path: Path) -> None:
    def hold(call: Call) -> Iterator[object]:
        yield "held"
        call.receive(LONG)

    path = tmp_path / "desk"
    gateway = server.Gateway(path, {"hold": hold}, node="desk", version="1")
    gateway.start()
    with Client(path).open("hold", timeout=None) as stream:
        items = iter(stream)
        assert next(items) == "held"
        assert gateway.close()
        with pytest.raises(GatewayError, match="went away") as gone:
            next(items)
    assert gone.value.code is ErrorCode.UNREACHABLE
    assert not path.exists()


def test_a_handler_that_will_not_end_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()

    def stubborn(_: Call) -> Iterator[object]:
        yield "started"
        release.wait(LONG)

    path = tmp_path / "desk"
    gateway = server.Gateway(path, {"stubborn": stubborn}, node="desk", version="1")
    gateway.start()
    with Client(path).open("stubborn", timeout=None) as stream:
        next(iter(stream))
        assert not gateway.close(timeout=0.05)
        assert "stubborn" in caplog.text
        release.set()
    assert gateway.close()
