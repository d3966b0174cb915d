from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute.run_frames import (
    WINDOW,
    Allowance,
    Beat,
    Ended,
    Frame,
    Grant,
    Intake,
    Piece,
    RunFrameError,
    Sent,
    Shape,
    pack,
    unpack,
)

numbers = st.integers(0, 2**64 - 1)
frames: st.SearchStrategy[Frame] = st.one_of(
    st.builds(Piece, st.integers(0, 2), st.binary(max_size=50)),
    st.builds(Grant, numbers),
    st.builds(Sent, numbers),
    st.builds(Shape, st.integers(0, 65535), st.integers(0, 65535)),
    st.just(Beat()),
    st.builds(Ended, st.none() | numbers),
)


@given(frames)
def test_a_frame_comes_back_as_it_was(frame: Frame) -> None:
    assert unpack(pack(frame)) == frame


@given(st.binary(max_size=20))
def test_other_bytes_are_refused(data: bytes) -> None:
    try:
        frame = unpack(data)
    except RunFrameError:
        return
    assert pack(frame) == data


@given(st.lists(st.tuples(st.booleans(), st.integers(1, WINDOW)), max_size=200))
def test_a_window_never_overflows_and_never_starves(steps: list[tuple[bool, int]]) -> None:
    """What one end sends within its allowance the other takes, and all of it is granted again."""
    sending, receiving = Allowance(), Intake()
    for sends, size in steps:
        if sends:
            piece = min(size, sending.left)
            sending.spend(piece)
            receiving.take(piece)
        else:
            grant = receiving.dispose(min(size, receiving.held))
            if grant:
                sending.grant(grant)
        assert 0 <= sending.left <= WINDOW
    grant = receiving.dispose(receiving.held)
    if grant:
        sending.grant(grant)
    assert sending.left == WINDOW


def test_more_than_is_allowed_is_refused() -> None:
    receiving = Intake()
    receiving.take(WINDOW)
    with pytest.raises(RunFrameError):
        receiving.take(1)
    with pytest.raises(RunFrameError):
        Allowance().grant(1)
