"""Turns at a socket that is a queue: who reads, who is woken, and that nobody waits for ever."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from threading import get_ident
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.runtime import turns
from simulacra.actors.runtime.turns import STREAK, Sleeper, Turns, serves_many
from tests.support import DEADLINE, eventually

NAP = 0.01  # a streak lasts through the pauses that a loaded machine makes
KNOCK, END = object(), object()


class Post:
    """Sleepers that messages wake, and a standing reader; remembers who read and who was woken."""

    def __init__(self) -> None:
        self.waiting: queue.Queue[Any] = queue.Queue()
        self.readers: list[int] = []
        self.knocks = 0
        self._one = threading.Lock()
        self.turns = Turns(self._read, self._knock)
        self.standing = threading.Thread(target=self.turns.stand, daemon=True)
        self.standing.start()

    def _knock(self) -> None:
        self.knocks += 1
        self.waiting.put(KNOCK)

    def _read(self, timeout: float | None) -> bool:
        assert self._one.acquire(blocking=False), "two read at once"
        try:
            assert serves_many()
            try:
                message = self.waiting.get(timeout=timeout)
            except queue.Empty:
                return True
            if message is END:
                self.waiting.put(END)
                return False
            if message is not KNOCK:
                self.readers.append(get_ident())
                message()
            return True
        finally:
            self._one.release()

    def close(self) -> None:
        self.waiting.put(END)
        self.standing.join(DEADLINE)
        assert not self.standing.is_alive()
        assert not serves_many()


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    monkeypatch.setattr(turns, "NAP", NAP)
    post = Post()
    yield post
    post.close()


def in_thread(body: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    return thread


def ping(post: Post, sleeper: Sleeper, timeout: float | None = DEADLINE) -> bool:
    """Ask for a wake, and wait for it."""
    post.waiting.put(sleeper.wake)
    return sleeper.sleep(timeout)


def become_heir(post: Post, sleeper: Sleeper) -> None:
    """Ping until this thread reads its own messages; a loaded machine may take several streaks."""
    deadline = time.monotonic() + DEADLINE
    while get_ident() not in post.readers[-1:]:
        assert ping(post, sleeper)
        assert time.monotonic() < deadline


def run(body: Callable[[], None]) -> None:
    """Run in a thread that is not the main one; let its error through."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            body()
        except BaseException as error:
            errors.append(error)

    thread = in_thread(guarded)
    thread.join(3 * DEADLINE)
    assert not thread.is_alive()
    for error in errors:
        raise error


def test_a_wake_before_the_sleep_counts() -> None:
    sleeper = Sleeper()
    sleeper.wake()
    assert sleeper.sleep(0)
    assert not sleeper.sleep(0.001)
    assert not sleeper.sleep(-1)


def test_who_gets_all_the_mail_reads_it(post: Post) -> None:
    def body() -> None:
        sleeper = Sleeper()
        for _ in range(STREAK - 1):
            ping(post, sleeper)
        assert set(post.readers) == {post.standing.ident}
        become_heir(post, sleeper)

    run(body)


def test_a_main_thread_never_reads(post: Post) -> None:
    sleeper = Sleeper()
    for _ in range(10 * STREAK):
        assert ping(post, sleeper)
    assert set(post.readers) == {post.standing.ident}


def test_two_who_get_mail_in_turn_leave_the_reading_to_the_standing_reader(post: Post) -> None:
    def body() -> None:
        mine, theirs = Sleeper(), Sleeper()

        def answer() -> None:
            for _ in range(5 * STREAK):
                assert theirs.sleep(DEADLINE)
                post.waiting.put(mine.wake)

        other = in_thread(answer)
        eventually(lambda: theirs.thread)
        for _ in range(5 * STREAK):
            post.waiting.put(theirs.wake)
            assert mine.sleep(DEADLINE)
        other.join(DEADLINE)
        assert get_ident() not in post.readers

    run(body)


def test_what_comes_while_the_heir_is_busy_is_read_by_the_standing_reader(post: Post) -> None:
    def body() -> None:
        become_heir(post, Sleeper())
        handled = threading.Event()
        post.waiting.put(handled.set)
        assert handled.wait(DEADLINE)
        assert post.readers[-1] == post.standing.ident

    run(body)


def test_an_heir_that_waits_long_leaves_the_reading_to_the_standing_reader(post: Post) -> None:
    def body() -> None:
        sleeper, handled = Sleeper(), threading.Event()
        become_heir(post, sleeper)
        timer = threading.Timer(20 * NAP, lambda: post.waiting.put(handled.set))
        timer.start()
        assert not sleeper.sleep(40 * NAP)
        assert handled.wait(DEADLINE)
        assert post.readers[-1] == post.standing.ident
        timer.join()

    run(body)


def test_an_heir_that_reads_what_is_for_another_hands_back(post: Post) -> None:
    def body() -> None:
        sleeper, other = Sleeper(), threading.Event()
        become_heir(post, sleeper)
        post.waiting.put(other.set)
        assert ping(post, sleeper)
        assert post.readers[-1] == post.standing.ident

    run(body)


def test_an_heir_is_woken_by_others_while_it_reads(post: Post) -> None:
    def body() -> None:
        sleeper = Sleeper()
        for _ in range(20):
            become_heir(post, sleeper)
            waker = in_thread(sleeper.wake)
            assert sleeper.sleep(DEADLINE)
            waker.join(DEADLINE)

    run(body)


def test_an_heirs_time_out_holds(post: Post) -> None:
    def body() -> None:
        sleeper = Sleeper()
        for timeout in (0.0, NAP / 2, 5 * NAP):
            become_heir(post, sleeper)
            began = time.monotonic()
            assert not sleeper.sleep(timeout)
            assert time.monotonic() - began >= timeout

    run(body)


def test_nobody_reads_after_the_end(post: Post) -> None:
    def body() -> None:
        sleeper = Sleeper()
        become_heir(post, sleeper)
        post.waiting.put(END)
        assert not sleeper.sleep(5 * NAP)
        post.standing.join(DEADLINE)
        assert not post.turns.take(sleeper, None)

    run(body)


def test_a_thread_reads_for_one_node_at_a_time(post: Post) -> None:
    second = Post()

    def body() -> None:
        mine, inner = Sleeper(), Sleeper()
        become_heir(second, inner)
        refused: list[bool] = []

        def handle() -> None:
            inner.thread = get_ident()
            refused.append(second.turns.take(inner, 0))
            mine.wake()

        for _ in range(3 * STREAK):
            post.waiting.put(handle)
            assert mine.sleep(DEADLINE)
        assert not any(refused)

    run(body)
    second.close()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    threads=st.integers(1, 5),
    slow=st.sampled_from([0.0, 0.01, 0.1]),
)
def test_whatever_the_order_every_message_is_handled_once_and_wakes_who_waits(
    seed: int, threads: int, slow: float
) -> None:
    post = Post()
    handled: list[int] = []

    def live(number: int) -> None:
        chance = random.Random(seed + number)
        sleeper = Sleeper()
        for _ in range(60):
            if chance.random() < slow:
                time.sleep(chance.random() * 3 * turns.NAP)

            def message() -> None:
                handled.append(number)
                sleeper.wake()

            if chance.random() < 0.1:  # woken by somebody who does not read
                threading.Thread(target=message).start()
            else:
                post.waiting.put(message)
            if chance.random() < 0.1 and sleeper.sleep(chance.random() * 2 * turns.NAP):
                continue
            assert sleeper.sleep(DEADLINE)

    try:
        lives = [threading.Thread(target=run, args=(lambda n=n: live(n),)) for n in range(threads)]
        for one in lives:
            one.start()
        for one in lives:
            one.join(3 * DEADLINE)
        assert sorted(handled) == sorted(list(range(threads)) * 60)
    finally:
        post.close()
