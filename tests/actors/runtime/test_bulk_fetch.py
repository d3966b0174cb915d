"""One fetch: pieces over two lines, over lines that break, and of a file that changes."""

from __future__ import annotations

import os
import threading

import pytest

from simulacra.actors.runtime import bulk_client, bulk_fetch
from simulacra.actors.runtime.bulk import PIECE, BulkError
from tests.actors.runtime.bulk_ends import BYTES, Ends
from tests.support import no_thread


def test_it_tells_how_far_it_is(ends: Ends) -> None:
    told: list[int] = []
    with (ends.folder / "fetched").open("wb") as file:
        ends.client.fetch(ends.offer(BYTES), file.fileno(), progress=told.append)
    assert told == [PIECE, 2 * PIECE, 3 * PIECE, len(BYTES)]


def test_pieces_are_collected_and_no_others(ends: Ends) -> None:
    pieces = [(offset, offset % 7 + 1) for offset in range(0, PIECE, PIECE // 50)]
    wanted = {offset: BYTES[offset : offset + length] for offset, length in pieces}
    came: dict[int, bytes] = {}
    told: list[int] = []

    def take(offset: int, data: memoryview) -> None:
        assert offset not in came
        came[offset] = bytes(data)

    ends.client.collect(ends.offer(BYTES), pieces, take, progress=told.append)
    assert came == wanted
    assert told[-1] == sum(map(len, wanted.values()))
    ends.client.collect(ends.offer(BYTES), [], take)
    assert came == wanted


def test_who_takes_no_piece_ends_all(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_fetch, "WINDOW", 1)
    pieces = [(offset, 100) for offset in range(0, PIECE, 100)]

    def refuse(offset: int, data: memoryview) -> None:
        raise ValueError(f"not these {len(data)} from {offset} on")

    with pytest.raises(ValueError, match="not these 100"):
        ends.client.collect(ends.offer(BYTES), pieces, refuse)


def test_a_file_that_shrinks_meanwhile_is_an_error(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    os.truncate(ends.folder / "offered", PIECE + 1)
    with pytest.raises(BulkError, match="the file changed while it was fetched"):
        ends.fetch(ticket)


def test_a_large_file_comes_over_two_lines(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_fetch, "WINDOW", 1)
    ticket, barrier = ends.offer(BYTES), threading.Barrier(2)
    ends.lose(lambda: barrier.wait(60) < 0)  # a question is answered when there are two
    told: list[int] = []
    with (ends.folder / "fetched").open("wb") as file:
        ends.client.fetch(ticket, file.fileno(), progress=told.append)
    assert (ends.folder / "fetched").read_bytes() == BYTES
    assert (len(told), told[-1]) == (4, len(BYTES))
    assert told == sorted(told)


def test_one_line_does_where_no_thread_is_left_for_another(ends: Ends) -> None:
    with no_thread("bulk-fetch"):
        assert ends.fetch(ends.offer(BYTES * 2)) == BYTES * 2


def test_what_is_withdrawn_meanwhile_ends_both_lines(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_fetch, "WINDOW", 1)
    ticket = ends.offer(BYTES * 3)  # more than can be asked for until then
    with (ends.folder / "fetched").open("wb") as file, pytest.raises(BulkError, match="no more"):
        ends.client.fetch(ticket, file.fileno(), progress=lambda _: ends.server.withdraw(ticket))


def test_lines_that_break_with_pieces_between_them_are_endured(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_client, "_REST", 0.01)
    monkeypatch.setattr(bulk_fetch, "WINDOW", 1)  # unread questions would take answers with them
    lost = iter([False, True, False, True, False, True, False])
    ends.lose(lambda: next(lost, False))
    assert ends.fetch(ends.offer(BYTES)) == BYTES
