"""Fetching and reading: whole, in pieces, over lines that are kept, and every way to fail."""

from __future__ import annotations

import os
import threading

import pytest

from simulacra.actors.runtime.bulk import PIECE, BulkError
from simulacra.actors.runtime.keys import KeyPair
from tests.actors.runtime.bulk_ends import BYTES, Ends
from tests.support import DEADLINE


@pytest.mark.parametrize("size", [0, 1, PIECE, len(BYTES)])
def test_a_file_comes_whole(ends: Ends, size: int) -> None:
    assert ends.fetch(ends.offer(BYTES[:size])) == BYTES[:size]
    assert (ends.client.bandwidth("nas") is not None) == (size >= PIECE)


def test_pieces_are_read_anywhere_and_end_where_the_file_does(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    assert ends.client.read(ticket, PIECE - 3, 7) == BYTES[PIECE - 3 : PIECE + 4]
    assert ends.client.read(ticket, len(BYTES) - 2, 100) == BYTES[-2:]
    assert ends.client.read(ticket, len(BYTES) + 5, 100) == b""
    assert ends.client.read(ticket, 0, 2 * PIECE) == BYTES[:PIECE]


def test_a_disk_that_is_full_is_an_error_of_the_disk(ends: Ends) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space left"):
            ends.client.fetch(ends.offer(BYTES), full)
    finally:
        os.close(full)


# -- silence


def test_a_server_that_is_gone_is_given_up(ends: Ends) -> None:
    ticket = ends.offer(BYTES)
    ends.server.close()
    with pytest.raises(BulkError, match=f"{len(BYTES)} bytes are missing: nas cannot be reached"):
        ends.fetch(ticket)
    with pytest.raises(BulkError, match="nas cannot be reached at 127"):
        ends.client.read(ticket, 0, 1)


def test_a_server_that_is_silent_is_given_up(ends: Ends) -> None:
    ticket, opened = ends.offer(BYTES), threading.Event()
    ends.lose(lambda: opened.wait(60) and False)
    with pytest.raises(BulkError, match="nas sent nothing in time"):
        ends.client.read(ticket, 0, 1)
    opened.set()


def test_a_client_that_goes_down_ends_what_it_fetches(ends: Ends) -> None:
    ticket, entered, opened = ends.offer(BYTES), threading.Event(), threading.Event()

    def hold() -> bool:
        entered.set()
        opened.wait()
        return False

    ends.lose(hold)
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
