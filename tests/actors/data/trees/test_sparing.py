from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.trees.sparing import BIG, Bucket, Line, why_wait


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
