"""In which order the parts of a log are read that a computation left behind on its way."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from simulacra.actors.compute.computing import Described, Output, ReadOutput
from simulacra.actors.control import logs
from simulacra.actors.control.finding import Seen
from simulacra.actors.control.logs import Reading, Stay, stays


def at(host: str, *moves: tuple[str, int]) -> Described:
    told: list[dict[str, Any]] = [{"source": source, "printed": end} for source, end in moves]
    return Described("n#1", "n", "computation", host, "running", moves=told)


def test_who_never_moved_is_where_it_is() -> None:
    assert stays(at("desk")) == [Stay("desk", None)]


def test_what_was_left_behind_is_read_to_its_end() -> None:
    found = stays(at("phone", ("desk", 10), ("nas", 20)))
    assert found == [Stay("desk", None), Stay("nas", None), Stay("phone", None)]


def test_who_came_back_printed_elsewhere_between() -> None:
    found = stays(at("nas", ("desk", 10), ("nas", 20), ("desk", 30)))
    assert found == [Stay("desk", 10), Stay("nas", 20), Stay("desk", None), Stay("nas", None)]


class Log:
    """What was printed on a host, until now."""

    def __init__(self) -> None:
        self.printed = b""
        self.epoch = 0
        self.is_over = True

    def ask(self, request: ReadOutput, timeout: float) -> Output:
        del timeout
        data = self.printed[request.after : request.after + request.limit]
        ended = self.is_over and not data
        return Output(data, request.after + len(data), 0, ended, self.epoch)


class Travels:
    """A computation that goes where it is told, and its logs."""

    def __init__(self) -> None:
        self.logs = {"desk": Log(), "nas": Log()}
        self.moves: list[tuple[str, int]] = []
        self.host, self.is_living = "desk", True
        self.logs["desk"].is_over = False

    def prints(self, text: bytes) -> None:
        self.logs[self.host].printed += text

    def goes(self, host: str) -> None:
        left = self.logs[self.host]
        left.is_over = True
        self.moves.append((self.host, len(left.printed)))
        self.host = host
        self.logs[host].epoch, self.logs[host].is_over = len(self.moves), False

    def find(self, *_: object) -> Seen:
        state = "running" if self.is_living else "done"
        described = replace(at(self.host, *self.moves), epoch=len(self.moves), state=state)
        return Seen(described, 0.0)

    def ends(self) -> None:
        self.is_living, self.logs[self.host].is_over = False, True


def test_a_reader_that_is_late_reads_in_order_what_came_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    travels = Travels()
    monkeypatch.setattr(logs, "find", travels.find)
    monkeypatch.setattr(logs, "table", lambda _, host: travels.logs[host])
    call = Mock(cancelled=threading.Event())
    travels.prints(b"1 desk, ")
    reading = Reading(Mock(), call, "n")
    pieces = reading.to_come()
    shown = next(pieces)["data"]
    for number, host in enumerate(("nas", "desk", "nas", "desk"), 2):
        travels.goes(host)
        travels.prints(b"%d %s, " % (number, host.encode()))
    travels.ends()
    shown += b"".join(piece["data"] for piece in pieces)
    assert shown == b"1 desk, 2 nas, 3 desk, 4 nas, 5 desk, "
