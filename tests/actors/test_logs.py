from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors import logs
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
