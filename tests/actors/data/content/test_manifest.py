from __future__ import annotations

from typing import Any

import msgpack
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.content import manifest as manifests
from simulacra.actors.data.content.manifest import (
    LARGEST_AVERAGE,
    SMALLEST_AVERAGE,
    WHOLE,
    Chunk,
    Manifest,
    ManifestError,
    average_for,
    hash_of,
)
from simulacra.actors.data.entries import Content, Kind

AVERAGE = 65536


@st.composite
def large(draw: st.DrawFn) -> Manifest:
    """Manifests of files with zeros here and there."""
    gaps = st.sampled_from([0, 0, AVERAGE, 10**12])
    lengths = st.integers(1, AVERAGE * 4)
    at = 0
    chunks = []
    for gap, length, seed in draw(st.lists(st.tuples(gaps, lengths, st.integers(0, 9)))):
        chunks.append(Chunk(hash_of(b"%d" % seed), at + gap, length))
        at += gap + length
    return Manifest(max(at + draw(gaps), WHOLE + 1), AVERAGE, tuple(chunks))


def encoded(plain: Any) -> tuple[bytes, bytes]:
    """A manifest with a right digest, whatever is in it."""
    data = msgpack.packb(plain)
    return data, manifests._digest_of(data)


def test_the_digest_of_a_small_file_is_the_hash_of_its_bytes() -> None:
    whole = Manifest.whole(5, blake3(b"bytes").digest())
    assert whole.chunks == (Chunk(blake3(b"bytes").digest(), 0, 5),)
    assert whole.content == Content(Kind.FILE, 5, blake3(b"bytes").digest())


@pytest.mark.parametrize(("size", "digest"), [(WHOLE + 1, bytes(32)), (-1, bytes(32)), (5, b"")])
def test_what_is_no_file_in_one_chunk_is_refused(size: int, digest: bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.whole(size, digest)


@given(large())
def test_a_manifest_is_read_as_it_was_written(manifest: Manifest) -> None:
    assert Manifest.decode(manifest.encode(), manifest.digest) == manifest
    assert manifest.content == Content(Kind.FILE, manifest.size, manifest.digest)


@given(large())
def test_the_bytes_of_a_manifest_as_a_file_have_another_digest(manifest: Manifest) -> None:
    assert hash_of(manifest.encode()) != manifest.digest


@given(large(), st.data())
def test_a_damaged_manifest_is_refused(manifest: Manifest, data: st.DataObject) -> None:
    good = manifest.encode()
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    with pytest.raises(ManifestError, match="damaged"):
        Manifest.decode(bad, manifest.digest)


@given(st.binary(max_size=200))
def test_garbage_with_its_right_digest_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.decode(data, manifests._digest_of(data))


HASH = bytes(32)


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        ([2, AVERAGE, [AVERAGE] * 5, HASH * 5], "version is 2"),
        ([1, SMALLEST_AVERAGE - 1, [AVERAGE] * 5, HASH * 5], "are not cut"),
        ([1, LARGEST_AVERAGE * 2, [AVERAGE] * 5, HASH * 5], "are not cut"),
        ([1, AVERAGE, [AVERAGE] * 5, HASH * 4], "one hash for each"),
        ([1, AVERAGE, [AVERAGE] * 5, HASH * 5 + b"x"], "one hash for each"),
        ([1, AVERAGE, [AVERAGE, 0, AVERAGE * 4], HASH * 3], "no chunk has 0"),
        ([1, AVERAGE, [AVERAGE * 4 + 1], HASH], "no chunk has"),
        ([1, AVERAGE, [True] * 5, HASH * 5], "no chunk has True"),
        ([1, AVERAGE, [10.0], HASH], "no chunk has 10.0"),
        ([1, AVERAGE, [-AVERAGE * 2, -AVERAGE * 4], b""], "not written as"),
        ([1, AVERAGE, [AVERAGE] * 4, HASH * 4], "is one chunk"),
        ([1, AVERAGE, [AVERAGE] * 5, HASH * 5, 0], "not built as"),
        ([1, AVERAGE, {}, HASH * 5], "not built as"),
        ({}, "not built as"),
        (None, "not built as"),
    ],
)
def test_what_no_file_has_is_refused(plain: Any, why: str) -> None:
    with pytest.raises(ManifestError, match=why):
        Manifest.decode(*encoded(plain))


def test_a_manifest_of_zeros_alone_has_no_chunks() -> None:
    zeros = Manifest(10**9, AVERAGE, ())
    assert Manifest.decode(zeros.encode(), zeros.digest) == zeros


def test_large_files_are_cut_coarser_and_never_much() -> None:
    assert average_for(1) == average_for(4 * 2**30) == 16 * 1024
    assert average_for(10 * 2**30) == 64 * 1024
    assert average_for(2**50) == 2**20
    for power in range(20, 38):
        assert 2**power // average_for(2**power) <= 2**18
