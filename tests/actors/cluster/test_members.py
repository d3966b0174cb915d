from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.members import Member, News, State, fingerprint

members = st.builds(
    Member,
    st.just("nas"),
    st.sampled_from(["key-1", "key-2"]),
    st.sampled_from(["nas:1", "nas:2"]),
    st.integers(0, 3),
    st.sampled_from(State),
)


@given(members, members, members)
def test_of_any_two_different_records_one_is_later(one: Member, two: Member, three: Member) -> None:
    assert [one.supersedes(two), two.supersedes(one)].count(True) == (one != two)
    if one.supersedes(two) and two.supersedes(three):
        assert one.supersedes(three)


def test_worse_is_later_in_one_incarnation_and_the_next_one_is_later_than_all() -> None:
    records = [Member("nas", "k", "a", 5, state) for state in State]
    records.append(Member("nas", "k", "a", 6, State.UP))
    assert all(later.supersedes(earlier) for earlier, later in pairwise(records))


@given(members, members)
def test_fingerprints_tell_records_apart(one: Member, two: Member) -> None:
    assert (fingerprint(one) == fingerprint(two)) == (one == two)


@given(members, st.text(max_size=5), st.integers(0, 10**6))
def test_news_is_heard_as_it_was_told(member: Member, by: str, age: int) -> None:
    news = News(member, by, float(age))
    assert News.hear(news.tell()) == news
    assert News.hear([*news.tell(), "of a newer version"]) == news


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        ["nas", "k", "a", -1, "up", "", 0],
        ["", "k", "a", 1, "up", "", 0],
        ["nas", "k", "a", 1, "gone", "", 0],
        ["nas", "k", "a", 1, "up", "", -1],
        ["nas", "k", "a", 1, "up", "", "0"],
        ["nas", "k", "a", "1", "up", "", 0],
        ["nas", b"k", "a", 1, "up", "", 0],
    ],
)
def test_what_is_no_news_is_refused(told: object) -> None:
    with pytest.raises(ValueError):
        News.hear(told)
