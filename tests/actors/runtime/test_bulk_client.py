"""Fetching and reading: whole, in pieces, over lines that are kept, and every way to fail."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import pytest

from simulacra.actors.runtime import bulk, bulk_client
from simulacra.actors.runtime.bulk import PIECE, BulkError
from simulacra.actors.runtime.bulk_line import LineError
from simulacra.actors.runtime.keys import KeyPair
from tests.actors.runtime.bulk_ends import BYTES, Ends
from tests.support import DEADLINE, eventually


@pytest.mark.parametrize("size", [0, 1, PIECE, len(BYTES)])
def test_a_file_comes_whole(ends: Ends, size: int) -> None:
    assert ends.fetch(ends.offer(BYTES[:size])) == BYTES[:size]
    assert (ends.client.bandwidth("nas") is not None) == (size >= PIECE)


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
    monkeypatch.setattr(bulk_client, "WINDOW", 1)
    pieces = [(offset, 100) for offset in range(0, PIECE, 100)]

    def refuse(offset: int, data: memoryview) -> None:
        raise ValueError(f"not these {len(data)} from {offset} on")

    with pytest.raises(ValueError, match="not these 100"):
        ends.client.collect(ends.offer(BYTES), pieces, refuse)


def test_pieces_are_read_anywhere_and_end_where_the_file_does(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    assert ends.client.read(ticket, PIECE - 3, 7) == BYTES[PIECE - 3 : PIECE + 4]
    assert ends.client.read(ticket, len(BYTES) - 2, 100) == BYTES[-2:]
    assert ends.client.read(ticket, len(BYTES) + 5, 100) == b""
    assert ends.client.read(ticket, 0, 2 * PIECE) == BYTES[:PIECE]


def test_a_file_that_shrinks_meanwhile_is_an_error(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    os.truncate(ends.folder / "offered", PIECE + 1)
    with pytest.raises(BulkError, match="the file changed while it was fetched"):
        ends.fetch(ticket)


def test_a_disk_that_is_full_is_an_error_of_the_disk(ends: Ends) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space left"):
            ends.client.fetch(ends.offer(BYTES), full)
    finally:
        os.close(full)


def test_a_large_file_comes_over_two_lines(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_client, "WINDOW", 1)
    ticket, barrier = ends.offer(BYTES), threading.Barrier(2)
    lose(ends, lambda: barrier.wait(5) < 0)  # a question is answered when there are two
    told: list[int] = []
    with (ends.folder / "fetched").open("wb") as file:
        ends.client.fetch(ticket, file.fileno(), progress=told.append)
    assert (ends.folder / "fetched").read_bytes() == BYTES
    assert (len(told), told[-1]) == (4, len(BYTES))
    assert told == sorted(told)


def test_what_is_withdrawn_meanwhile_ends_both_lines(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_client, "WINDOW", 1)
    ticket = ends.offer(BYTES * 3)  # more than can be asked for until then
    with (ends.folder / "fetched").open("wb") as file, pytest.raises(BulkError, match="no more"):
        ends.client.fetch(ticket, file.fileno(), progress=lambda _: ends.server.withdraw(ticket))


# -- lines that are kept


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
        barrier.wait(5)
        return read_into(view, ticket, offset)

    ends.server._offers.read_into = wait_for_both  # type: ignore[method-assign]
    threads = [threading.Thread(target=ends.client.read, args=(ticket, 0, 1)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    eventually(lambda: ends.lines() == 1)  # of two one is kept


def test_a_line_that_lay_idle_is_closed(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_client, "LINE_IDLE", 0.1)
    assert ends.client.read(ends.offer(b"data"), 0, 4) == b"data"
    eventually(lambda: ends.lines() == 0)
    assert ends.client.read(ends.offer(b"data"), 0, 4) == b"data"


def test_the_server_closes_who_is_silent_and_the_client_dials_again(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "LINE_IDLE", 0.05)
    ticket = ends.offer(b"data")
    assert ends.client.read(ticket, 0, 4) == b"data"
    eventually(lambda: ends.lines() == 0)
    assert ends.client.read(ticket, 0, 4) == b"data"


# -- silence


def lose(ends: Ends, lost: Callable[[], bool]) -> None:
    """Let the server answer some questions by closing the line."""
    answer = ends.server._answer

    def sometimes(*question: object) -> memoryview:
        if lost():
            raise LineError("loses this one")
        return answer(*question)  # type: ignore[arg-type]

    ends.server._answer = sometimes  # type: ignore[assignment]


def test_lines_that_break_with_pieces_between_them_are_endured(
    ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_client, "_REST", 0.01)
    monkeypatch.setattr(bulk_client, "WINDOW", 1)  # unread questions would take answers with them
    lost = iter([False, True, False, True, False, True, False])
    lose(ends, lambda: next(lost, False))
    assert ends.fetch(ends.offer(BYTES)) == BYTES


def test_a_server_that_is_gone_is_given_up(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    ends.server.close()
    with pytest.raises(BulkError, match=f"{len(BYTES)} bytes are missing: nas cannot be reached"):
        ends.fetch(ticket)
    with pytest.raises(BulkError, match="nas cannot be reached at 127"):
        ends.client.read(ticket, 0, 1)


def test_a_server_that_is_silent_is_given_up(ends: Ends) -> None:
    ticket, opened = ends.offer(BYTES), threading.Event()
    lose(ends, lambda: opened.wait(10) and False)
    with pytest.raises(BulkError, match="nas sent nothing in time"):
        ends.client.read(ticket, 0, 1)
    opened.set()


def test_a_client_that_goes_down_ends_what_it_fetches(ends: Ends) -> None:
    ticket, entered, opened = ends.offer(BYTES), threading.Event(), threading.Event()

    def hold() -> bool:
        entered.set()
        opened.wait()
        return False

    lose(ends, hold)
    failed: list[BulkError] = []

    def fetch() -> None:
        try:
            ends.client.fetch(ticket, 0)
        except BulkError as error:
            failed.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    assert entered.wait(DEADLINE)
    try:
        ends.client.close()
        thread.join(DEADLINE)
        assert "going down" in str(failed[0])
    finally:
        opened.set()


def test_another_node_at_its_address_is_not_taken_for_it(ends: Ends) -> None:
    ticket = ends.offer(b"secret")
    ends.keys = KeyPair.generate()
    with pytest.raises(BulkError, match="nas has closed the connection"):
        ends.client.read(ticket, 0, 6)
