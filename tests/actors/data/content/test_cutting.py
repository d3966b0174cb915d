"""A cut that knows an earlier one finds what it would have found without."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulacra.actors.data.content import cutting
from simulacra.actors.data.content.chunking import BLOCK, SPAN, digest_file
from simulacra.actors.data.content.cutting import NOTHING, cut_run, earlier
from simulacra.actors.data.content.manifest import SMALLEST_AVERAGE, SPREAD, WHOLE, Chunk, Manifest
from tests.actors.data.content.test_chunking import noise
from tests.support import examples

AVERAGE = SMALLEST_AVERAGE
CONTENT = noise(12 * BLOCK) + bytes(3 * BLOCK) + noise(10 * BLOCK + 77, 1)

edits = st.lists(
    st.tuples(
        st.sampled_from(["overwrite", "insert", "delete", "zeros", "cut off", "add"]),
        st.integers(0, len(CONTENT)),
        st.one_of(st.integers(1, 10), st.integers(1, 4 * BLOCK)),
        st.integers(0, 2**32),
    ),
    max_size=5,
)


def edited(content: bytes, what: str, at: int, length: int, seed: int) -> bytes:
    data = random.Random(seed).randbytes(length)
    match what:
        case "overwrite":
            return content[:at] + data[: len(content) - at] + content[at + length :]
        case "insert":
            return content[:at] + data + content[at:]
        case "delete":
            return content[:at] + content[at + length :]
        case "zeros":
            return content[:at] + bytes(length) + content[at + length :]
        case "cut off":
            return content[: max(0, len(content) - length)]
    return content + data


def manifest(path: Path, content: bytes, before: Manifest | None = None) -> Manifest:
    path.write_bytes(content)
    with path.open("rb") as file:
        return digest_file(file.fileno(), before=before)


@settings(max_examples=examples(25, many=400), deadline=None)
@given(edits)
def test_the_manifest_is_the_same_as_without_an_earlier_one(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, int, int, int]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "edited"
    content, before = CONTENT, manifest(path, CONTENT)
    for edit in edits:
        content = edited(content, *edit)
        after = manifest(path, content, before)
        assert after == manifest(path, content)
        before = after


near_a_cut = st.tuples(st.integers(0, 20), st.one_of(st.integers(-3, 3), st.integers(-9999, 9999)))


@settings(max_examples=examples(100, many=2000), deadline=None)
@given(st.integers(0, 9), near_a_cut, near_a_cut)
@example(0, (3, 2), (3, 1))  # FastCDC looks at two bytes at a time
def test_a_run_that_ends_anywhere_is_cut_alike(
    seed: int, old: tuple[int, int], new: tuple[int, int]
) -> None:
    """At the ends of runs a cut depends on where they are."""
    content = noise(5 * BLOCK, seed)
    chunks = list(cut_run(memoryview(content), 0, AVERAGE, NOTHING))

    def until(number: int, further: int) -> memoryview:
        chunk = chunks[number % len(chunks)]
        return memoryview(content)[: max(1, chunk.offset + chunk.length + further)]

    known = {chunk.offset: chunk for chunk in cut_run(until(*old), 0, AVERAGE, NOTHING)}
    found = list(cut_run(until(*new), 0, AVERAGE, known))
    assert found == list(cut_run(until(*new), 0, AVERAGE, NOTHING))


def test_what_is_as_it_was_is_not_cut(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = noise(SPAN + 3 * BLOCK)
    before = manifest(path, content)
    at = len(content) // 2
    after = content[:at] + b"another text" + content[at + 12 :]
    cut: list[Chunk] = []
    real = cutting._cut

    def noted(data: memoryview, start: int, average: int) -> Iterator[Chunk]:
        for chunk in real(data, start, average):
            cut.append(chunk)
            yield chunk

    def away_from_ends() -> list[Chunk]:
        most = 2 * SPREAD * AVERAGE
        return [each for each in cut if min(abs(each.offset - end) for end in ends) > most]

    ends = SPAN, len(content)
    monkeypatch.setattr(cutting, "_cut", noted)
    assert manifest(path, content, before) == before
    assert away_from_ends() == []
    cut.clear()
    assert manifest(path, after, before) != before
    assert 1 <= len(away_from_ends()) <= 6
    assert all(abs(chunk.offset - at) < 6 * SPREAD * AVERAGE for chunk in away_from_ends())


def test_a_cut_with_another_average_says_nothing(path: Path) -> None:
    before = manifest(path, noise(WHOLE + 1))
    assert len(earlier(before, AVERAGE)) == len(before.chunks)
    assert earlier(before, 4 * AVERAGE) == earlier(None, AVERAGE) == NOTHING


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"
