from __future__ import annotations

import logging
import math
import threading

import pykka
import pytest

from simulacra.actors.runtime.errors import AskTimeoutError
from simulacra.actors.runtime.futures import ASK_TIMEOUT, Reply, seconds
from tests.support import DEADLINE


def test_the_default_time_out_is_five_seconds_and_none_is_for_ever() -> None:
    assert [seconds(ASK_TIMEOUT), seconds(0.5), seconds(None)] == [5.0, 0.5, None]


def test_the_first_answer_counts() -> None:
    reply = Reply()
    reply.set(1)
    reply.set(2)
    reply.set_error(ValueError())
    assert reply.get() == 1
    assert reply.outcome() == (1, None)


def test_who_is_no_actor_may_wait_while_the_answer_is_given() -> None:
    class Answered(Reply):
        """One whose answerer forgets it right after it was looked at."""

        looks = 0

        @property
        def answerer(self) -> object:
            self.looks += 1
            return None if self.looks > 1 else object()

        @answerer.setter
        def answerer(self, cell: object) -> None:
            pass

    reply = Answered()
    threading.Timer(0.01, reply.set, (1,)).start()
    assert reply.get(timeout=DEADLINE) == 1


def test_none_is_an_answer() -> None:
    reply = Reply()
    assert not reply.is_set()
    reply.set()
    assert reply.is_set()
    assert reply.get(timeout=0) is None


def test_an_error_is_raised_each_time() -> None:
    reply = Reply()
    reply.set_error(KeyError("x"))
    for _ in range(2):
        with pytest.raises(KeyError, match="x"):
            reply.get()


def test_an_error_may_be_given_as_pykka_gives_it() -> None:
    given, handled, neither = Reply(), Reply(), Reply()
    error = ValueError("one")
    given.set_exception((ValueError, error, None))
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        handled.set_exception()
    neither.set_exception()
    outcomes = [str(reply.outcome()[1]) for reply in (given, handled, neither)]
    assert outcomes == ["one", "division by zero", "no error to report"]


@pytest.mark.parametrize("timeout", [0, -1, 0.01])
def test_waiting_ends_with_the_time_out(timeout: float) -> None:
    with pytest.raises(AskTimeoutError, match="no answer within") as caught:
        Reply().get(timeout=timeout)
    assert isinstance(caught.value, pykka.Timeout)


@pytest.mark.parametrize("timeout", [1e12, math.inf])
def test_more_than_a_lock_can_wait_is_for_ever(timeout: float) -> None:
    reply = Reply()
    threading.Timer(0.01, reply.set, (1,)).start()
    assert reply.get(timeout=timeout) == 1


def test_everybody_who_waits_is_woken() -> None:
    reply = Reply()
    got: list[int] = []
    waiting = [
        threading.Thread(target=lambda: got.append(reply.get(timeout=DEADLINE))) for _ in range(3)
    ]
    for thread in waiting:
        thread.start()
    reply.set(7)
    for thread in waiting:
        thread.join(DEADLINE)
    assert got == [7, 7, 7]


def test_callbacks_are_called_once_before_and_after() -> None:
    reply = Reply()
    got: list[tuple[str, object]] = []
    reply.on_answer(lambda answered: got.append(("before", answered.get())))
    reply.set(1)
    reply.set(2)
    reply.on_answer(lambda answered: got.append(("after", answered.get())))
    assert got == [("before", 1), ("after", 1)]


def test_a_failing_callback_harms_neither_the_answerer_nor_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reply = Reply()
    got: list[int] = []
    reply.on_answer(lambda _: 1 / 0)  # type: ignore[arg-type]
    reply.on_answer(lambda answered: got.append(answered.get()))
    with caplog.at_level(logging.ERROR):
        reply.set(1)
    assert got == [1]
    assert "ZeroDivisionError" in caplog.text


def test_futures_are_put_together_as_pykkas_are() -> None:
    one, two = Reply(), Reply()
    both = one.join(two)
    doubled = one.map(lambda value: 2 * value)
    one.set(1)
    two.set(2)
    assert list(both.get(timeout=0)) == [1, 2]
    assert doubled.get(timeout=0) == 2


def test_a_mapped_future_keeps_the_time_out() -> None:
    with pytest.raises(AskTimeoutError):
        Reply().map(str).get(timeout=0)
