from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors import logs, tracing
from simulacra.actors.runtime import Actor, ActorSystem

logger = logging.getLogger(__name__)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = handlers, level


class Talker(Actor):
    def on_receive(self, message: Any) -> None:
        logger.info("%s", message)


def test_a_line_says_who(tmp_path: Path, system: ActorSystem) -> None:
    file = tmp_path / "node.log"
    with file.open("ab") as output:
        assert logs.configure("nas", output.fileno()) == file
        system.spawn(Talker, name="talker").ask("hello")
        logger.info("outside")
    inside, outside = file.read_text().splitlines()
    assert "INFO nas talker tests.actors.test_logs: hello" in inside
    assert "INFO nas - tests.actors.test_logs: outside" in outside


def test_an_object_says_what_it_is_about(tmp_path: Path, system: ActorSystem) -> None:
    class Party(Talker):
        def on_start(self) -> None:
            tracing.work_at("count#1")

        def on_receive(self, message: Any) -> None:
            with tracing.under("t1"):
                super().on_receive(message)

    file = tmp_path / "node.log"
    with file.open("ab") as output:
        logs.configure("nas", output.fileno(), as_json=True)
        system.spawn(Party, name="talker").ask("two\nlines")
        try:
            int("no")
        except ValueError:
            logger.exception("broken")
    inside, outside = map(json.loads, file.read_text().splitlines())
    assert inside.pop("time") == pytest.approx(time.time(), abs=10)
    assert inside == {
        "level": "INFO",
        "host": "nas",
        "actor": "talker",
        "computation": "count#1",
        "trace": "t1",
        "logger": "tests.actors.test_logs",
        "message": "two\nlines",
    }
    assert "actor" not in outside
    assert outside["traceback"].endswith("'no'")


def test_a_line_is_one_line_and_says_the_trace(tmp_path: Path) -> None:
    file = tmp_path / "node.log"
    with file.open("ab") as output:
        logs.configure("nas", output.fileno())
        with tracing.under("t1"):
            logger.info("two\nlines")
    [line] = file.read_text().splitlines()
    assert line.endswith("INFO nas - trace=t1 tests.actors.test_logs: two\\nlines")


def test_a_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LIMIT", 10_000)
    file = tmp_path / "node.log"
    with file.open("ab") as output:
        logs.configure("nas", output.fileno())
        for number in range(1_000):
            logger.info("line %d", number)
        assert logs.file_of(output.fileno()) != file  # that one is no longer where it was
    assert sorted(path.name for path in tmp_path.iterdir()) == ["node.log", "node.log.1"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000
    assert logs.current_file() == file
    assert "line 999" in file.read_text()


def test_a_pipe_is_no_file() -> None:
    reading, writing = os.pipe()
    try:
        assert logs.configure("nas", writing) is None
    finally:
        os.close(reading)
        os.close(writing)
    assert logs.current_file() is None
