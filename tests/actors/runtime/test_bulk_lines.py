"""Lines that are kept for the next question, and closed in time."""

from __future__ import annotations

import threading

import pytest

from simulacra.actors.runtime import bulk_lines, bulk_server
from tests.actors.runtime.bulk_ends import BYTES, Ends
from tests.support import eventually, no_thread


def test_a_line_is_kept_and_used_again(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    for offset in range(5):
        assert ends.client.read(ticket, offset, 1) == BYTES[offset : offset + 1]
    assert ends.fetch(ticket) == BYTES
    assert ends.lines() == 1
    assert ends.resolved == 6  # another key or address of the same name would have another line


def test_two_at_a_time_have_a_line_each(ends: Ends) -> None:
    ticket, barrier = ends.offer(BYTES), threading.Barrier(2)
    read_into = ends.server._offers.read_into

    def wait_for_both(view: memoryview, ticket: bytes, offset: int) -> int | None:
        barrier.wait(60)
        return read_into(view, ticket, offset)

    ends.server._offers.read_into = wait_for_both  # type: ignore[method-assign]
    threads = [threading.Thread(target=ends.client.read, args=(ticket, 0, 1)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    eventually(lambda: ends.lines() == 1)  # of two one is kept


def test_a_line_that_lay_idle_is_closed(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_lines, "LINE_IDLE", 0.1)
    assert ends.client.read(ends.offer(b"data"), 0, 4) == b"data"
    eventually(lambda: ends.lines() == 0)
    assert ends.client.read(ends.offer(b"data"), 0, 4) == b"data"


def test_the_server_closes_who_is_silent_and_the_client_dials_again(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_server, "LINE_IDLE", 0.05)
    ticket = ends.offer(b"data")
    assert ends.client.read(ticket, 0, 4) == b"data"
    eventually(lambda: ends.lines() == 0)
    assert ends.client.read(ticket, 0, 4) == b"data"


def test_no_line_is_kept_that_nobody_would_close(ends: Ends) -> None:
    ticket = ends.offer(b"data")
    with no_thread("bulk-lines"):
        assert ends.client.read(ticket, 0, 4) == b"data"
    eventually(lambda: ends.lines() == 0)
    assert ends.client.read(ticket, 0, 4) == b"data"
