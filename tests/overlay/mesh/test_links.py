"""Links measured by probes, on a clock of the test's own."""

from __future__ import annotations

from simulacra.overlay.mesh.links import MISSED, Link


def answered(link: Link, numbers: range, now: float, trip: float = 0.01) -> float:
    """Probes, half a second apart, all answered."""
    for number in numbers:
        link.send(number, now)
        assert link.answered(number, trip, now + trip)
        now += 0.5
    return now


def missed(link: Link, numbers: range, now: float) -> float:
    for number in numbers:
        link.send(number, now)
        now += 1.5
        link.expire(now)
    return now


def test_a_link_works_with_its_first_answer_and_is_settled_after_some() -> None:
    link = Link()
    assert not link.quality(0).works
    assert not link.quality(0).failed
    now = answered(link, range(1), 0.0)
    assert link.quality(now).works
    assert not link.quality(now).settled
    now = answered(link, range(1, 5), now)
    quality = link.quality(now)
    assert quality.settled
    assert quality.trip == 0.01
    assert quality.loss == 0
    assert quality.age is not None
    assert 0.4 < quality.age < 0.6


def test_a_link_fails_after_misses_in_a_row_and_is_back_with_an_answer() -> None:
    link = Link()
    now = answered(link, range(10), 0.0)
    now = missed(link, range(10, 9 + MISSED), now)
    assert link.quality(now).works
    now = missed(link, range(20, 21), now)
    assert link.quality(now).failed
    assert link.quality(now).trip is None
    now = answered(link, range(30, 31), now)
    quality = link.quality(now)
    assert quality.works
    assert not quality.settled
    assert quality.loss == 0  # what was lost while it failed is another matter
    assert link.quality(answered(link, range(31, 34), now)).settled


def test_after_one_miss_the_next_probes_are_hurried() -> None:
    link = Link()
    now = answered(link, range(3), 0.0)
    link.send(3, now)
    assert not link.is_due(2.0, now + 1.0)
    link.expire(now + 1.0)
    assert link.is_due(2.0, now + 1.0)
    missed(link, range(4, 4 + MISSED), now)
    assert not link.is_due(2.0, now + 4.5)  # what has failed is not hurried any more


def test_an_answer_that_is_late_or_no_ones_counts_for_nothing() -> None:
    link = Link()
    link.send(1, 0.0)
    link.expire(5.0)
    assert not link.answered(1, 0.01, 5.0)
    assert not link.answered(2, 0.01, 5.0)
    assert link.quality(5.0).loss == 1.0


def test_a_link_that_loses_much_works_and_is_not_settled() -> None:
    link = Link()
    now = 0.0
    for number in range(0, 30, 3):
        now = missed(link, range(number, number + 1), now)
        now = answered(link, range(number + 1, number + 3), now)
    quality = link.quality(now)
    assert quality.works
    assert not quality.settled
    assert 0.25 < quality.loss < 0.4


def test_a_long_way_is_given_more_time() -> None:
    link = Link()
    now = answered(link, range(5), 0.0, trip=0.6)
    link.send(9, now)
    link.expire(now + 1.5)
    assert link.answered(9, 1.6, now + 1.6)


def test_a_way_that_is_longer_than_it_was_thought_to_be_works_in_the_end() -> None:
    link = Link()
    sent = {number: 0.5 * number for number in range(20)}
    events = sorted(
        [(at, False, number) for number, at in sent.items()]
        + [(at + 2.0, True, number) for number, at in sent.items()]
    )
    for at, is_answer, number in events:
        link.expire(at)
        if is_answer:
            link.answered(number, 2.0, at)
        else:
            link.send(number, at)
    quality = link.quality(events[-1][0])
    assert quality.settled
    assert quality.trip == 2.0


def test_no_answer_is_waited_for_for_ever() -> None:
    link = Link()
    link.send(1, 0.0)
    link.expire(2.0)
    link.answered(1, 60.0, 60.0)
    now = missed(link, range(2, 2 + MISSED), 60.0)
    link.expire(now + 10.0)
    assert link.quality(now + 10.0).failed
