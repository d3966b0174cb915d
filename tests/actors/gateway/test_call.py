from __future__ import annotations

import threading
from typing import Any

import pytest

from simulacra.actors.gateway.call import Call, Cancelled, Credit, Input, Resize, Signal
from simulacra.actors.gateway.frames import ErrorCode, Frame, FrameError, GatewayError


def make(args: dict[str, Any] | None = None, sent: list[Frame] | None = None) -> Call:
    return Call("trace", "verb", args or {}, ([] if sent is None else sent).append)


def test_arguments_are_checked_by_name_and_type() -> None:
    call = make({"name": "count", "tail": 3, "wait": True, "every": 2})
    assert call.arg("name", str) == "count"
    assert call.arg("tail", int) == 3
    assert call.arg("every", float) == 2.0
    assert call.arg("absent", bool, False) is False
    for name, kind in (("name", int), ("wait", int), ("absent", str)):
        with pytest.raises(GatewayError, match=name) as refused:
            call.arg(name, kind)
        assert refused.value.code is ErrorCode.USAGE


def test_a_path_may_be_no_text() -> None:
    call = make({"text": "caf\u00e9", "bytes": b"caf\xe9", "number": 1})
    assert [call.path("text"), call.path("bytes")] == ["caf\u00e9", "caf\udce9"]
    assert call.path("absent", None) is None
    for name in ("absent", "number"):
        with pytest.raises(GatewayError, match=name):
            call.path(name)


def test_items_carry_the_trace_id() -> None:
    sent: list[Frame] = []
    make(sent=sent).send(1)
    assert sent == [{"id": "trace", "item": 1}]


def test_input_comes_in_order_and_the_end_after_it() -> None:
    call = make()
    for frame in ({"input": b"a"}, {"resize": [24, 80]}, {"signal": "SIGINT"}, {"input": None}):
        call.offer(frame)
    call.cancel()
    received = [call.receive(1) for _ in range(4)]
    assert received == [Input(b"a"), Resize(24, 80), Signal("SIGINT"), Input(None)]
    with pytest.raises(Cancelled):
        call.receive(1)


def test_receive_gives_up_after_its_time() -> None:
    assert make().receive(0.01) is None


def test_cancelling_wakes_a_waiting_handler_and_stops_sending() -> None:
    call = make()
    timer = threading.Timer(0.02, call.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        call.receive(20)
    with pytest.raises(Cancelled):
        call.send(1)
    timer.join()


def test_a_full_queue_holds_the_client_back_until_the_handler_reads() -> None:
    call = make()
    count = 1000

    def type_() -> None:
        for number in range(count):
            call.offer({"input": str(number).encode()})

    typing = threading.Thread(target=type_)
    typing.start()
    typing.join(0.1)
    assert typing.is_alive()
    assert [call.receive(5) for _ in range(count)] == [
        Input(str(number).encode()) for number in range(count)
    ]
    typing.join(60)
    assert not typing.is_alive()


@pytest.mark.parametrize(
    "frame", [{}, {"input": "text"}, {"resize": [1]}, {"verb": "again"}, {"credit": 0}]
)
def test_other_frames_are_refused(frame: Frame) -> None:
    with pytest.raises(FrameError):
        make().offer(frame)


def test_credit_is_an_event() -> None:
    call = make()
    call.offer({"credit": 5})
    assert call.receive(5) == Credit(5)


def test_input_that_nobody_takes_is_refused_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulacra.actors.gateway.call._INPUT_PATIENCE", 0.01)
    call = make()
    for _ in range(256):
        call.offer({"input": b"x"})
    with pytest.raises(FrameError, match="verb takes no input"):
        call.offer({"input": b"x"})
