"""The bookkeeping of loops: interrupted anywhere, every item is done once in the end."""

from __future__ import annotations

import copy
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute.steps import (
    DRAW_LIMIT,
    Loop,
    Loops,
    NameReusedError,
    TooManyItemsError,
)


def enter(loops: Loops, name: str, items: object) -> Loop:
    loop = loops.enter(name, items)  # type: ignore[arg-type]
    assert loop is not None
    return loop


class Interrupted(Exception):  # noqa: N818 - it is no error
    """The process is killed here."""


class Machine:
    """A nested program; at each safe point it may be killed, having kept state and records."""

    def __init__(self, outer: list[int], inner: list[int]) -> None:
        self.outer, self.inner = outer, inner
        self.kept: tuple[list[object], dict[str, object]] = ([], {})

    def run(self, lives: int) -> list[object]:
        done, records = copy.deepcopy(self.kept)
        loops = Loops(records)
        left = lives

        def safe_point() -> None:
            nonlocal left
            self.kept = copy.deepcopy((done, loops.records))
            left -= 1
            if left == 0:
                raise Interrupted

        first = loops.enter("outer", self.outer)
        while first is not None and first.has_next:
            safe_point()
            a = first.begin()
            second = loops.enter("inner", self.inner)
            while second is not None and second.has_next:
                safe_point()
                done.append((a, second.begin()))
                second.advance()
            if second is not None:
                second.leave()
            safe_point()
            first.advance()
        if first is not None:
            first.leave()
        safe_point()
        third = loops.enter("after", range(2))
        while third is not None and third.has_next:
            safe_point()
            done.append(("after", third.begin()))
            third.advance()
        return done


@given(
    st.lists(st.integers(), max_size=4),
    st.lists(st.integers(), max_size=4),
    st.lists(st.integers(1, 12), max_size=8),
)
def test_each_item_is_done_once_whatever_the_interruptions(
    outer: list[int], inner: list[int], deaths: list[int]
) -> None:
    machine = Machine(outer, inner)
    done: list[object] = []
    for lives in [*deaths, 10**6]:
        try:
            done = machine.run(lives)
            break
        except Interrupted:
            continue
    assert done == [(a, b) for a in outer for b in inner] + [("after", 0), ("after", 1)]


def test_the_body_that_was_interrupted_runs_again() -> None:
    loops = Loops({})
    loop = enter(loops, "a", ["x", "y"])
    assert loop.begin() == "x"
    again = enter(Loops(copy.deepcopy(loops.records)), "a", ["x", "y"])
    assert again.begin() == "x"


def test_the_list_that_was_kept_wins_over_a_new_one() -> None:
    loops = Loops({})
    loop = enter(loops, "a", ["x", "y"])
    loop.begin()
    loop.advance()
    again = enter(Loops(loops.records), "a", ["new", "x", "y"])
    assert not again.is_new
    assert again.begin() == "y"


def test_a_loop_that_was_left_early_is_done() -> None:
    loops = Loops({})
    loop = enter(loops, "a", range(10))
    loop.begin()
    loop.leave()
    assert Loops(loops.records).enter("a", range(10)) is None
    assert loops.records == {"a": {"done": True}}


def test_a_name_belongs_to_the_body_it_is_in() -> None:
    loops = Loops({})
    outer = enter(loops, "outer", range(2))
    for _ in range(2):
        outer.begin()
        inner = enter(loops, "inner", range(1))
        inner.begin()
        inner.advance()
        inner.leave()
        outer.advance()
    assert list(loops.records) == ["outer"]


def test_the_same_name_in_the_same_place_is_refused() -> None:
    loops = Loops({})
    enter(loops, "a", range(2)).leave()
    with pytest.raises(NameReusedError, match="number the name"):
        loops.enter("a", range(2))


def test_generators_are_drawn_up_to_a_limit() -> None:
    loop = enter(Loops({}), "a", (n * n for n in range(3)))
    assert list(loop.items) == [0, 1, 4]
    with pytest.raises(TooManyItemsError, match=f"over {DRAW_LIMIT} items"):
        Loops({}).enter("a", count())


def test_a_long_range_is_kept_short() -> None:
    loops = Loops({})
    enter(loops, "a", range(0, 10**9, 7))
    assert loops.records["a"]["range"] == [0, 10**9, 7]


@pytest.mark.parametrize("name", ["", "a/b", "a:1"])
def test_a_name_that_would_confuse_places_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name is a word"):
        Loops({}).enter(name, [])
