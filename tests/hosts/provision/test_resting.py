"""When a machine that was told to sleep is awake for certain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.hosts.provision.resting import EVERY, GAP, PATIENCE, Rest


def looks(rest: Rest, start: float, seconds: float, *, asked: bool = False) -> str | None:
    """What is said in so many seconds of being awake, looked at in time."""
    now = start
    while now < start + seconds:
        now += EVERY
        if why := rest.look(now, asked=asked):
            return why
    return None


def test_a_machine_that_slept_is_awake_at_the_first_look() -> None:
    rest = Rest(100.0)
    assert looks(rest, 100.0, 10.0) is None
    assert rest.look(5000.0, asked=False) == "it slept for 4890 s"


def test_a_machine_sleeps_while_the_program_is_at_it() -> None:
    rest = Rest(0.0)
    assert looks(rest, 0.0, 0.5, asked=True) is None
    assert "slept" in str(rest.look(60.0, asked=True))


def test_one_that_does_not_fall_asleep_is_awake_after_a_minute() -> None:
    rest = Rest(0.0)
    assert looks(rest, 0.0, PATIENCE) is None
    assert "did not fall asleep" in str(looks(rest, PATIENCE, 2.0))


def test_a_program_that_is_at_it_for_long_is_waited_for() -> None:
    rest = Rest(0.0)
    assert looks(rest, 0.0, 3 * PATIENCE, asked=True) is None
    assert looks(rest, 3 * PATIENCE, PATIENCE - 1) is None


@given(st.lists(st.floats(0.01, EVERY + GAP - 0.01), max_size=40))
def test_a_busy_machine_is_not_taken_to_have_slept(pauses: list[float]) -> None:
    rest, now = Rest(0.0), 0.0
    for pause in pauses:
        now += pause
        why = rest.look(now, asked=True)
        assert why is None
