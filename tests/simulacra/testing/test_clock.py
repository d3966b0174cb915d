from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.testing import VirtualClock


@given(st.lists(st.floats(min_value=0, max_value=100)))
def test_actions_run_in_order_of_time_then_of_scheduling(times: list[float]) -> None:
    clock = VirtualClock()
    ran: list[tuple[float, int]] = []

    def action(number: int) -> Callable[[], None]:
        return lambda: ran.append((clock.now, number))

    for number, when in enumerate(times):
        clock.call_at(when, action(number))
    clock.advance(100)
    assert ran == sorted((when, number) for number, when in enumerate(times))


def test_time_stands_still_until_told() -> None:
    clock = VirtualClock(start=5)
    ran: list[float] = []
    clock.call_later(1, lambda: ran.append(clock.now))
    assert clock.now == 5
    clock.advance(0.5)
    assert (clock.now, ran) == (5.5, [])
    clock.advance(10)
    assert (clock.now, ran) == (15.5, [6])


def test_a_cancelled_action_does_not_run() -> None:
    clock = VirtualClock()
    ran: list[float] = []
    timer = clock.call_later(1, lambda: ran.append(clock.now))
    timer.cancel()
    assert not timer.active
    assert clock.next_time() is None
    clock.advance(2)
    assert ran == []


def test_an_action_may_schedule_for_its_own_time() -> None:
    clock = VirtualClock()
    ran: list[float] = []
    clock.call_at(1, lambda: clock.call_later(0, lambda: ran.append(clock.now)))
    clock.advance(1)
    assert ran == [1]


def test_run_until_stops_as_soon_as_the_condition_holds() -> None:
    clock = VirtualClock()
    ran: list[float] = []
    for when in (1, 2, 3):
        clock.call_at(when, lambda: ran.append(clock.now))
    clock.run_until(lambda: len(ran) == 2, within=10)
    assert clock.now == 2


def test_run_until_gives_up_and_says_why() -> None:
    clock = VirtualClock()
    clock.call_at(20, lambda: None)
    with pytest.raises(TimeoutError, match=r"within 10 s.*next action at 20"):
        clock.run_until(lambda: False, within=10)
    clock.advance(30)
    with pytest.raises(TimeoutError, match="nothing more is scheduled"):
        clock.run_until(lambda: False, within=10)


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        VirtualClock().advance(-1)
