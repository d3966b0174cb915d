"""When a host tells that a split has begun."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.splits import AT_ONCE, Splits


def test_hosts_lost_at_once_are_a_split_that_is_told_once_until_it_is_over() -> None:
    splits = Splits()
    assert splits.look("bcde", "", deputy=False, now=0) is None
    assert splits.look("bde", "c", deputy=False, now=1) is None
    assert splits.look("be", "cd", deputy=False, now=2) == ("c", "d")
    assert splits.look("b", "cde", deputy=True, now=3) is None
    assert splits.look("bcd", "e", deputy=False, now=20) is None
    assert splits.look("b", "cde", deputy=False, now=21) is None  # it was not over
    assert splits.look("bcde", "", deputy=False, now=30) is None
    assert splits.look("b", "cde", deputy=False, now=31) == ("c", "d", "e")


def test_hosts_lost_one_by_one_are_lost_hosts_unless_a_deputy_takes_over() -> None:
    splits = Splits()
    splits.look("bc", "", deputy=False, now=0)
    assert splits.look("c", "b", deputy=False, now=1) is None
    assert splits.look("", "bc", deputy=False, now=1 + AT_ONCE) is None
    assert splits.look("", "bc", deputy=True, now=2 + AT_ONCE) == ("b", "c")


def test_who_was_never_met_or_parted_on_purpose_is_no_loss() -> None:
    splits = Splits()
    assert splits.look("", "bcd", deputy=True, now=0) is None
    splits.look("bcd", "", deputy=False, now=1)
    assert splits.look("d", "", deputy=False, now=2) is None
    assert splits.look("", "d", deputy=False, now=2) is None


@given(st.lists(st.tuples(st.sets(st.sampled_from("bcde")), st.booleans()), max_size=30))
def test_between_two_that_are_told_all_were_in_reach(steps: list[tuple[set[str], bool]]) -> None:
    splits, first = Splits(), set[str]()
    for now, (reached, deputy) in enumerate(steps):
        missing = set("bcde") - reached
        first = first if first & missing else set()
        lost = splits.look(reached, missing, deputy=deputy, now=now)
        if lost is not None:
            assert set(lost) <= missing
            assert not first
            first = set(lost)
