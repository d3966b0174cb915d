"""A thread that cannot start is an error of the system, and says to try again."""

from __future__ import annotations

import errno
import threading

import pytest

from simulacra.actors.threads import start_thread
from tests.support import no_thread


def test_it_calls_its_target_in_a_daemon_thread_of_that_name() -> None:
    seen: list[tuple[str, bool, int]] = []

    def target(number: int) -> None:
        me = threading.current_thread()
        seen.append((me.name, me.daemon, number))

    start_thread(target, 5, name="worker@here").join()
    assert seen == [("worker@here", True, 5)]


def test_where_no_thread_is_left_it_says_so() -> None:
    with no_thread("worker@"), pytest.raises(BlockingIOError, match="try again later") as raised:
        start_thread(print, name="worker@here")
    assert raised.value.errno == errno.EAGAIN
