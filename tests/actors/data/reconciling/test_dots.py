"""Dots, contexts, and who gives them out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.reconciling.dots import Author, Context, Replica, covers, includes, join
from tests.actors.data.reconciling.making import dot

replicas = st.builds(Replica, st.sampled_from("ab"), st.integers(1, 2))
contexts = st.dictionaries(replicas, st.integers(1, 5))


@given(contexts, contexts)
def test_a_join_is_the_least_that_includes_both(one: Context, other: Context) -> None:
    joined = join(one, other)
    assert joined == join(other, one)
    assert includes(joined, one)
    assert includes(joined, other)
    for replica, n in joined.items():
        assert n in (one.get(replica), other.get(replica))


def test_a_context_covers_what_was_written_before() -> None:
    context = {Replica("a", 1): 3}
    assert covers(context, dot("a", 3))
    assert not covers(context, dot("a", 4))
    assert not covers(context, dot("a", 1, incarnation=2))


def test_events_grow_whatever_the_wall_says() -> None:
    author = Author(Replica("a", 1))
    author.wall = 1000
    first = author.event()
    author.wall = 500
    second = author.event()
    assert first < second
    assert (first.dot.n, second.dot.n) == (1, 2)


def test_a_database_that_was_put_back_is_noticed() -> None:
    author = Author(Replica("a", 1), 5)
    assert not author.is_put_back({Replica("a", 1): 5, Replica("b", 1): 9})
    assert author.is_put_back({Replica("a", 1): 6})
