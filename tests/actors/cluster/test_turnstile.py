from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.turnstile import REMEMBERED, Limits, Turnstile

WIDE = Limits(1000, 1000, 1000, 1000, 1000.0, 1000.0)


def entered(turnstile: Turnstile, address: str, tries: int, now: float = 0.0) -> int:
    return sum(turnstile.enter(address, now) for _ in range(tries))


def test_one_address_has_so_many_open_and_others_still_come_in() -> None:
    turnstile = Turnstile(Limits(open_each=4, open_all=6))
    assert entered(turnstile, "192.0.2.1", 10) == 4
    assert entered(turnstile, "192.0.2.2", 10) == 2
    assert (turnstile.open, turnstile.turned_away) == (6, 14)
    turnstile.leave("192.0.2.1")
    assert turnstile.enter("192.0.2.2", 0.0)


def test_one_address_opens_so_many_in_a_time() -> None:
    turnstile = Turnstile(Limits(1000, 1000, burst_each=5, rate_each=2.0))
    assert entered(turnstile, "192.0.2.1", 9, now=0.0) == 5
    assert entered(turnstile, "192.0.2.1", 9, now=1.0) == 2
    assert entered(turnstile, "192.0.2.1", 9, now=100.0) == 5


def test_who_is_refused_uses_up_nothing_of_the_others() -> None:
    turnstile = Turnstile(Limits(1000, 1000, burst_each=5, burst_all=8, rate_each=0, rate_all=0))
    assert entered(turnstile, "192.0.2.1", 1000) == 5
    assert entered(turnstile, "192.0.2.2", 1000) == 3


def test_an_ipv6_household_counts_as_one() -> None:
    turnstile = Turnstile(Limits(open_each=2))
    assert turnstile.enter("2001:db8::1", 0.0)
    assert turnstile.enter("2001:db8::2%eth0", 0.0)
    assert not turnstile.enter("2001:db8::ffff:0:0:3", 0.0)
    assert turnstile.enter("2001:db8:0:1::1", 0.0)
    assert turnstile.enter("::ffff:192.0.2.1", 0.0)
    turnstile.leave("192.0.2.1")


def test_datagrams_are_counted_alike() -> None:
    turnstile = Turnstile(Limits(burst_each=3, burst_all=4, rate_each=1.0, rate_all=10.0))
    assert [turnstile.passes("192.0.2.1", 0.0) for _ in range(5)] == [True] * 3 + [False] * 2
    assert [turnstile.passes("192.0.2.2", 0.0) for _ in range(2)] == [True, False]
    assert turnstile.passes("192.0.2.1", 1.0)
    assert (turnstile.open, turnstile.turned_away) == (0, 3)


def test_a_clock_that_goes_back_gives_nothing() -> None:
    turnstile = Turnstile(Limits(1000, 1000, burst_each=1, rate_each=1.0))
    assert turnstile.enter("192.0.2.1", 10.0)
    assert not turnstile.enter("192.0.2.1", 5.0)


def test_of_many_addresses_a_bounded_number_is_remembered() -> None:
    turnstile = Turnstile(WIDE)
    assert turnstile.enter("192.0.2.1", 0.0)
    for number in range(3 * REMEMBERED):
        address = f"10.0.{number // 250}.{number % 250}"
        if turnstile.enter(address, float(number)):
            turnstile.leave(address)
    assert len(turnstile._visitors) == REMEMBERED
    turnstile.leave("192.0.2.1")  # it was not forgotten while it was here
    assert turnstile.open == 0


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans(), st.floats(0, 2)), max_size=60))
def test_the_bounds_hold_whatever_happens(moves: list[tuple[int, bool, float]]) -> None:
    limits = Limits(2, 4, 3, 6, 0.5, 1.0)
    turnstile, inside, now = Turnstile(limits), [0, 0, 0, 0], 0.0
    total = 0
    for who, comes, later in moves:
        now += later
        if comes and turnstile.enter(f"192.0.2.{who}", now):
            inside[who] += 1
            total += 1
        elif not comes and inside[who]:
            turnstile.leave(f"192.0.2.{who}")
            inside[who] -= 1
        assert max(inside) <= limits.open_each
        assert turnstile.open == sum(inside) <= limits.open_all
        assert total <= limits.burst_all + limits.rate_all * now + 1e-6
