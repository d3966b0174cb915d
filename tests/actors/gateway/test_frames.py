from __future__ import annotations

import itertools
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.gateway.frames import (
    MAX_FRAME,
    ErrorCode,
    FrameDecoder,
    FrameError,
    GatewayError,
    pack,
)

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
)
frames = st.dictionaries(st.text(), values, max_size=3)


@given(st.lists(frames, max_size=3), st.lists(st.integers(0, 400), max_size=8))
def test_frames_survive_any_cut(sent: list[dict[str, Any]], cuts: list[int]) -> None:
    stream = b"".join(map(pack, sent))
    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    decoder = FrameDecoder()
    pieces = [stream[a:b] for a, b in itertools.pairwise(edges)]
    assert [frame for piece in pieces for frame in decoder.feed(piece)] == sent


@given(st.binary(max_size=200))
def test_garbage_is_frames_or_a_frame_error(garbage: bytes) -> None:
    try:
        frames = list(FrameDecoder().feed(struct.pack(">I", len(garbage)) + garbage))
    except FrameError:
        return
    assert all(isinstance(key, str) for frame in frames for key in frame)


def test_http_is_refused_by_its_first_bytes() -> None:
    with pytest.raises(FrameError, match="over the limit"):
        list(FrameDecoder().feed(b"GET / HTTP/1.1\r\n"))


def test_length_at_the_limit_is_awaited() -> None:
    assert list(FrameDecoder().feed(struct.pack(">I", MAX_FRAME))) == []


@pytest.mark.parametrize("body", [b"\x01", b"\x90", b"\x81\x01\x02", b"\xc1"])
def test_body_must_be_a_map_with_text_keys(body: bytes) -> None:
    with pytest.raises(FrameError):
        list(FrameDecoder().feed(struct.pack(">I", len(body)) + body))


def test_what_msgpack_has_no_word_for_is_refused_with_a_hint() -> None:
    with pytest.raises(GatewayError) as refused:
        pack({"item": object()})
    assert refused.value.code is ErrorCode.USAGE
    assert "plain data" in refused.value.hint


def test_what_is_too_large_is_refused_at_the_sender() -> None:
    with pytest.raises(GatewayError, match="over the gateway's limit"):
        pack({"item": bytes(MAX_FRAME)})


@given(st.sampled_from(ErrorCode), st.text(), st.text())
def test_errors_survive_the_wire(code: ErrorCode, message: str, hint: str) -> None:
    error = GatewayError.from_plain(GatewayError(code, message, hint).to_plain())
    assert (error.code, error.message, error.hint) == (code, message, hint)


@pytest.mark.parametrize("plain", [None, "boom", {"code": "of_tomorrow", "message": "boom"}])
def test_an_unknown_error_counts_as_failed(plain: object) -> None:
    assert GatewayError.from_plain(plain).code is ErrorCode.FAILED
