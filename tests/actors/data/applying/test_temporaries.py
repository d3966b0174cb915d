from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.applying import temporaries
from simulacra.actors.data.applying.temporaries import Mark, Temporary
from simulacra.actors.data.entries import TEMPORARY

NAMES = st.binary(min_size=1, max_size=255).filter(lambda name: not {0, 47} & set(name))
INODES = st.integers(1, 2**64 - 1)


@given(INODES, NAMES)
def test_a_name_tells_what_it_was_made_for(inode: int, name: bytes) -> None:
    for mark, made in (
        (Mark.SWAP, temporaries.swap_name(inode, name)),
        (Mark.ASIDE, temporaries.aside_name(inode, name)),
    ):
        assert len(made) <= 255
        told = temporaries.parse(made)
        assert told is not None
        assert (told.mark, told.inode) == (mark, inode)
        assert name.startswith(told.name)
        assert told.cut or told.name == name


def test_new_names_differ() -> None:
    names = {temporaries.new_name(run, number) for run in range(20) for number in range(20)}
    assert len(names) == 400
    assert {temporaries.parse(name) for name in names} == {Temporary(Mark.NEW)}


@given(st.binary(max_size=300))
def test_other_names_tell_nothing(name: bytes) -> None:
    assert temporaries.parse(name) is None
    told = temporaries.parse(TEMPORARY + name)
    assert told is None or name[:1] in {b"n", b"s", b"o"}
