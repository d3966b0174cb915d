"""Programs that a deploy runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from simulacra.hosts.deploy.children import ChildError, Children


def test_what_a_program_says_is_returned_and_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = 'read -r line; echo "$line"; echo a >&2; echo b >&2; exit 3'
    done = Children().run(["sh", "-c", script], timeout=5, text="in\n", log=log)
    assert (done.code, done.out, done.said) == (3, "in\n", "a / b")
    assert log.read_text().endswith("in\na\nb\n")


def test_one_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(ChildError, match="sh ended with 4: oh no"):
        Children().output(["sh", "-c", "echo oh no >&2; exit 4"], timeout=5)
    with pytest.raises(ChildError, match="false ended with 1: it said nothing"):
        Children().output(["false"], timeout=5)


def test_one_that_is_not_there_is_told() -> None:
    with pytest.raises(ChildError, match="no-such-program cannot be run: No such file"):
        Children().run(["no-such-program"], timeout=5)


def test_one_that_takes_too_long_is_ended_with_all_it_started() -> None:
    begun = time.monotonic()
    with pytest.raises(ChildError, match="sh took longer than 0 s, and was ended"):
        Children().run(["sh", "-c", "sleep 60 & wait"], timeout=0.2)
    assert time.monotonic() - begun < 30


def test_all_can_be_ended_at_once_and_then_nothing_begins() -> None:
    children, errors = Children(), []

    def run() -> None:
        try:
            children.run(["sleep", "60"], timeout=60)
        except ChildError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    while not children.running:
        time.sleep(0.001)
    children.end()
    thread.join(5)
    assert errors == ["sleep was ended"]
    with pytest.raises(ChildError, match="was not started"):
        children.run(["true"], timeout=5)
