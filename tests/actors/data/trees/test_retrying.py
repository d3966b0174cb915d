from __future__ import annotations

import time

import pytest

from simulacra.actors.data.trees.retrying import LATEST, SOON, Retrying


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_waits_double_up_to_a_minute_and_begin_anew_once_it_worked(clock: list[float]) -> None:
    retrying = Retrying()
    assert retrying.at == float("inf")
    waits = []
    for _ in range(8):
        retrying.again()
        waits.append(retrying.at - clock[0])
        clock[0] = retrying.at
    assert waits == [SOON, 2, 4, 8, 16, 32, LATEST, LATEST]
    retrying.done()
    assert retrying.at == float("inf")
    retrying.again()
    assert retrying.at - clock[0] == SOON


def test_the_first_time_it_may_be_tried_at_once(clock: list[float]) -> None:
    retrying = Retrying()
    waits = []
    for _ in range(3):
        retrying.again(at_once=True)
        waits.append(retrying.at - clock[0])
    assert waits == [0, SOON, 2 * SOON]


def test_what_others_have_to_put_right_is_looked_at_seldom(clock: list[float]) -> None:
    retrying = Retrying()
    retrying.seldom()
    assert retrying.at - clock[0] == LATEST
    retrying.now()
    assert retrying.at == clock[0]
