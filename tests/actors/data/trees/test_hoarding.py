from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.data.trees.hoarding import Candidate, left_out
from tests.support import examples

NOW = 1000


def candidate(name: bytes, used: int, size: int = 10, *, hoarded: bool = False) -> Candidate:
    return Candidate(used, size, name, here=True, hoarded=hoarded)


def test_the_latest_used_have_the_room() -> None:
    files = [candidate(b"old", 1), candidate(b"new", 3), candidate(b"middle", 2)]
    assert left_out(files, 20, None, NOW) == {b"old"}
    assert left_out(files, None, None, NOW) == set()
    assert left_out(files, 0, None, NOW) == {b"old", b"new", b"middle"}


def test_what_was_used_of_late_and_what_was_hoarded_stays_also_without_room() -> None:
    files = [candidate(b"old", 1), candidate(b"late", 995), candidate(b"kept", 2, hoarded=True)]
    assert left_out(files, 0, 10, NOW) == {b"old"}
    elsewhere = Candidate(995, 10, b"late", here=False, hoarded=False)
    assert left_out([elsewhere], 0, 10, NOW) == {b"late"}


candidates = st.builds(
    Candidate,
    st.integers(0, NOW),
    st.integers(0, 50),
    st.integers().map(lambda n: b"%d" % n),
    st.booleans(),
    st.booleans(),
)


@settings(max_examples=examples(100, many=1000))
@given(
    st.lists(candidates, unique_by=lambda each: each.path),
    st.integers(0, 300),
    st.integers(0, NOW),
)
def test_it_fits_and_nothing_goes_that_may_not(
    files: list[Candidate], room: int, recent: int
) -> None:
    out = left_out(files, room, recent, NOW)
    fixed = {
        each.path for each in files if each.hoarded or (each.here and each.used >= NOW - recent)
    }
    assert not out & fixed
    rest = [each for each in files if each.path not in fixed | out]
    free = room - sum(each.size for each in files if each.path in fixed)
    assert sum(each.size for each in rest) <= max(0, free)
    for each in files:  # and nothing is left out for which there would have been room
        if each.path in out:
            later = sum(other.size for other in rest if other > each)
            assert later + each.size > free
