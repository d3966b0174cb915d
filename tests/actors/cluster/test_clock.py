from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.clock import TOLERANCE, Clock, Stamp, is_ahead

WALL = 1_800_000_000_000
HOUR = 3_600_000


@given(st.lists(st.integers(-TOLERANCE, TOLERANCE)))
def test_stamps_grow_whatever_a_clock_does_within_the_tolerance(jumps: list[int]) -> None:
    clock = Clock()
    stamps = [clock.stamp(WALL + jump // 2) for jump in jumps]
    assert stamps == sorted(set(stamps))


def test_a_stamp_is_later_than_what_was_seen() -> None:
    clock = Clock()
    assert not clock.see(Stamp(WALL + 5, 3), WALL)
    assert clock.stamp(WALL) == Stamp(WALL + 5, 4)


def test_a_stamp_that_is_far_ahead_is_flagged_and_draws_nobody_along() -> None:
    clock = Clock()
    assert clock.see(Stamp(WALL + HOUR, 0), WALL)
    assert clock.stamp(WALL) == Stamp(WALL, 0)


def test_what_has_to_come_after_does() -> None:
    clock = Clock()
    ahead = Stamp(WALL + HOUR, 0)
    assert clock.stamp(WALL, after=ahead) == ahead.next()
    assert clock.stamp(WALL) < ahead


def test_a_clock_that_was_ahead_itself_goes_back() -> None:
    clock = Clock()
    assert is_ahead(clock.stamp(WALL + HOUR), WALL)
    assert clock.stamp(WALL) == Stamp(WALL, 0)
