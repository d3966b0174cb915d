from simulacra.actors.cluster.pace import Pace


def test_own_time_goes_with_the_time_outside() -> None:
    pace = Pace(0.5)
    assert pace.advance(100.0) == 100.0
    pace.want(101.0)
    assert pace.advance(101.4) == 101.4
    assert pace.pauses == 0


def test_what_exceeds_the_lateness_allowed_is_no_time() -> None:
    pace = Pace(0.5)
    pace.advance(100.0)
    assert pace.want(101.0) == 101.0
    assert pace.advance(1000.0) == 101.5
    assert pace.pauses == 1
    assert pace.want(102.0) == 1000.5
    assert pace.advance(1000.5) == 102.0


def test_a_clock_that_is_set_back_takes_no_time_back() -> None:
    pace = Pace(0.5)
    pace.advance(100.0)
    assert pace.advance(40.0) == 100.0
    assert pace.advance(41.0) == 101.0


def test_who_finds_that_it_should_have_acted_before_is_not_late() -> None:
    pace = Pace(0.5)
    pace.advance(100.0)
    assert pace.want(40.0) == 100.0
    assert pace.advance(100.0) == 100.0
    assert pace.pauses == 0


def test_who_waits_for_nothing_is_never_late() -> None:
    pace = Pace(0.5)
    pace.advance(100.0)
    assert pace.want(None) is None
    assert pace.advance(1000.0) == 1000.0


def test_a_step_at_the_wanted_time_reaches_it_in_spite_of_rounding() -> None:
    pace = Pace(0.0)
    own = pace.advance(0.1)
    for _ in range(1000):
        wanted = pace.want(own + 0.3)
        assert wanted is not None
        assert pace.advance(wanted) >= own + 0.3
        own = pace.advance(wanted + 1 / 3)


def test_what_became_due_in_the_past_makes_the_next_step_no_later() -> None:
    pace = Pace(0.5)
    pace.advance(100.0)
    assert pace.want(90.0) == 100.0
    assert pace.advance(100.1) == 100.1
    assert pace.pauses == 0
