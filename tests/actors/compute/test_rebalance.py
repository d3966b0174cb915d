from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.compute.moves import Software
from simulacra.actors.compute.placement import Host, Needs, Network, Read
from simulacra.actors.compute.rebalance import (
    REST_LIMIT_SECONDS,
    REST_SECONDS,
    WINDOWS,
    Proposal,
    Rebalance,
)
from tests.support import examples

PYTHON = Software("3.11", "x86_64")
NETWORK = Network.of([Host("desk", PYTHON), Host("nas", PYTHON), Host("far", PYTHON)])
PERIOD = 5.0


def reading(source: str, *, at: str = "desk", size: int = 10**9, state: int = 0) -> Needs:
    return Needs("x", at=at, reads=(Read(source, "p", size),), state_size=state)


def moves(sources: Iterable[str]) -> list[float]:
    """When a computation moves that reads from these hosts, window after window."""
    rebalance, at, times = Rebalance(), "desk", []
    for window, source in enumerate(sources):
        now = window * PERIOD
        proposal = rebalance.propose_move(reading(source, at=at), NETWORK, now)
        if proposal is not None:
            rebalance.moved(at, proposal.target, now)
            at = proposal.target
            times.append(now)
    return times


def test_a_gain_must_last() -> None:
    rebalance = Rebalance()
    needs = reading("nas")
    proposals = [rebalance.propose_move(needs, NETWORK, now) for now in range(WINDOWS)]
    assert proposals[:-1] == [None] * (WINDOWS - 1)
    assert isinstance(proposals[-1], Proposal)
    assert proposals[-1].target == "nas"
    assert proposals[-1].gain > 100


def test_windows_must_follow_one_another_and_agree() -> None:
    assert moves(["nas", "nas", "desk"] * 20) == []
    assert moves(["nas", "far", "nas", "nas", "far"] * 20) == []


def test_a_small_gain_is_not_worth_it() -> None:
    rebalance = Rebalance()
    small = Needs("x", at="desk", reads=(Read("nas", "p", 10**7),), cpu_seconds=100)
    heavy = reading("nas", state=10**9)
    for needs in (small, heavy):
        for now in range(10):
            assert rebalance.propose_move(needs, NETWORK, now) is None


@given(st.lists(st.sampled_from(["desk", "nas", "far"]), max_size=200))
def test_it_rests_between_moves(sources: list[str]) -> None:
    times = moves(sources)
    assert all(later - one >= REST_SECONDS for one, later in pairwise(times))


@settings(max_examples=examples(10, many=50), deadline=None)
@given(st.integers(1, 400), st.sampled_from([["nas", "desk"], ["nas", "far", "desk"]]))
def test_measurements_that_swing_make_it_move_ever_less(swing: int, hosts: list[str]) -> None:
    windows = 2000
    times = moves(hosts[window // swing % len(hosts)] for window in range(windows))
    doublings = 6  # from a minute to an hour
    assert len(times) <= len(hosts) + doublings + windows * PERIOD / REST_LIMIT_SECONDS


def test_a_move_that_fails_is_not_tried_again_at_once() -> None:
    rebalance = Rebalance()
    needs = reading("nas")
    for now in range(WINDOWS):
        rebalance.propose_move(needs, NETWORK, now)
    rebalance.failed(3)
    later = [rebalance.propose_move(needs, NETWORK, now) for now in range(4, 70)]
    assert later.index(later[-1]) == 3 + REST_SECONDS - 4
    assert later[-1] is not None


def test_where_it_is_or_where_to_may_be_unknown() -> None:
    rebalance = Rebalance()
    for now in range(10):
        assert rebalance.propose_move(reading("nas", at="gone"), NETWORK, now) is None
        assert rebalance.propose_move(reading("desk"), NETWORK, now) is None
