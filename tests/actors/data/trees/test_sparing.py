from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.trees.asking import MOST, MissingError
from simulacra.actors.data.trees.sparing import (
    BIG,
    FREELY,
    LARGEST,
    SMALLEST,
    Bucket,
    Line,
    Sparing,
    portion,
    why_wait,
)
from tests.support import DEADLINE


@pytest.mark.parametrize(
    ("size", "line", "why"),
    [
        (BIG + 1, Line(), None),
        (BIG, Line(metered=True), None),
        (BIG + 1, Line(metered=True), "this line is metered"),
        (BIG + 1, Line(low_battery=True), "the battery is low"),
        (BIG + 1, Line(metered_hosts={"nas"}), None),
        (BIG + 1, Line(metered_hosts={"nas", "desk"}), "the line of desk, nas is metered"),
    ],
)
def test_what_waits(size: int, line: Line, why: str | None) -> None:
    assert why_wait(size, line, ["nas", "desk"]) == why


def test_without_a_rate_nothing_waits() -> None:
    assert Bucket(None).take(10**12, 0.0) == 0.0


def test_a_second_is_free_and_then_the_rate_holds() -> None:
    bucket = Bucket(100)
    assert bucket.take(100, 10.0) == 0.0
    assert bucket.take(100, 10.0) == 0.0
    assert bucket.take(100, 10.0) == pytest.approx(1.0)
    assert bucket.take(100, 100.0) == 0.0


@given(st.lists(st.tuples(st.integers(1, 1000), st.floats(0, 5)), min_size=1, max_size=50))
def test_never_more_than_the_rate_and_a_second(takes: list[tuple[int, float]]) -> None:
    bucket, now, sent = Bucket(100), 100.0, 0
    for size, later in takes:
        now += later + bucket.take(size, now + later)
        assert sent <= 100 * (now - 100.0 + 1.0) + 1e-6
        sent += size


@given(st.integers(1, 1 << 40))
def test_a_portion_is_half_a_second_of_the_rate_within_bounds(rate: int) -> None:
    assert SMALLEST <= portion(rate) <= LARGEST == portion(None)
    assert portion(rate) in {SMALLEST, LARGEST, rate // 2}


@given(st.lists(st.integers(0, 3 * SMALLEST), max_size=20))
def test_portions_are_all_of_it_in_its_order_and_small(sizes: list[int]) -> None:
    sparing = Sparing(rate=2 * SMALLEST)
    sparing._bucket = Bucket(None)  # what is waited for is looked at above
    portions = list(sparing.portions(sizes, lambda size: size))
    assert [size for some in portions for size in some] == sizes
    assert all(sum(some) <= SMALLEST or len(some) == 1 for some in portions)
    for one, other in pairwise(portions):
        assert sum(one) + other[0] > SMALLEST


def test_no_more_than_so_many_are_asked_for_at_a_time() -> None:
    assert [len(some) for some in FREELY.portions(range(MOST + 1), lambda _: 1)] == [MOST, 1]


def test_who_waits_for_his_portion_is_told_that_nothing_more_is_fetched() -> None:
    sparing = Sparing(rate=1)
    portions = sparing.portions([1, 10**6, 1], lambda size: size)
    assert next(portions) == [1]
    assert next(portions) == [10**6]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, portions)  # for eleven days
        sparing.halt()
        with pytest.raises(MissingError, match="paused, or closed"):
            waiting.result(DEADLINE)
    with pytest.raises(MissingError):
        sparing.checking(lambda *_: pytest.fail("it was taken"))(0, memoryview(b"x"))
    sparing.go_on()
    assert not sparing.is_halted


def test_the_user_may_have_it_anyway() -> None:
    sparing = Sparing("src", line=lambda: Line(metered=True))
    assert sparing.why_wait(BIG) is None
    why = "this line is metered; have it now: simulacra tree sync src --anyway"
    assert sparing.why_wait(BIG + 1) == why
    sparing.anyway = True
    assert sparing.why_wait(BIG + 1) is None
