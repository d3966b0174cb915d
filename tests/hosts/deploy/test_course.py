"""Waves, one after the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.hosts.deploy.course import Course
from simulacra.hosts.deploy.rollout import GOOD, Outcome
from simulacra.hosts.deploy.waves import Wave

WAVES = (Wave(("a",), ""), Wave(("b", "c", "d"), ""), Wave(("e",), ""))


def test_a_wave_begins_when_all_of_the_last_are_well() -> None:
    course = Course(WAVES, at_once=2)
    assert course.begin() == ["a"]
    assert course.begin() == []
    course.ended("a", Outcome.DONE)
    assert course.begin() == ["b", "c"]
    course.ended("c", Outcome.UNCHANGED)
    assert course.begin() == ["d"]
    course.ended("b", Outcome.DONE)
    assert course.begin() == []
    course.ended("d", Outcome.DONE)
    assert course.begin() == ["e"]
    assert not course.is_over
    course.ended("e", Outcome.DONE)
    assert course.is_over
    assert course.halted == ""


def test_a_canary_that_fails_stops_the_waves() -> None:
    course = Course(WAVES, at_once=2)
    course.begin()
    course.ended("a", Outcome.ROLLED_BACK)
    assert course.begin() == []
    assert course.is_over
    assert course.halted == "a: rolled back"


def test_stopping_lets_what_is_under_way_end() -> None:
    course = Course(WAVES, at_once=1)
    course.begin()
    course.stop("stopped by you")
    assert not course.is_over
    course.ended("a", Outcome.DONE)
    assert course.is_over
    assert course.begin() == []


@given(
    st.integers(1, 4),
    st.lists(st.sampled_from(list(Outcome)), min_size=5, max_size=5),
    st.randoms(use_true_random=False),
)
def test_whatever_becomes_of_hosts(at_once: int, outcomes: list[Outcome], random: object) -> None:
    course, under_way, begun = Course(WAVES, at_once), [], []
    for outcome in outcomes:
        new = course.begin()
        earlier = [host for wave in WAVES for host in wave.hosts if host < min(new, default="")]
        if new:
            number = next(n for n, wave in enumerate(WAVES) if new[0] in wave.hosts)
            done = [host for wave in WAVES[:number] for host in wave.hosts]
            assert all(course.outcomes[host] in GOOD for host in done)
            assert set(done) <= set(earlier)
        begun += new
        under_way += new
        assert len(under_way) <= at_once
        if not under_way:
            break
        host = under_way.pop(random.randrange(len(under_way)))  # type: ignore[attr-defined]
        course.ended(host, outcome)
        if outcome not in GOOD:
            assert course.begin() == []
    assert len(set(begun)) == len(begun)
