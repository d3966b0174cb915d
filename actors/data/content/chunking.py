"""How a file is cut, and its bytes named.

Version 1 cuts a file of more than `manifest.WHOLE` bytes like this, so that the same bytes give the
same chunks on every host:

1. It is divided into spans of `SPAN` bytes, each cut on its own: several at a time, in memory that
   does not grow with the file.
2. A span is divided into blocks of `BLOCK` bytes. Those of nothing but zeros belong to no chunk;
   where the file system says that there is a hole, they are not even read.
3. Each run of other blocks is cut by FastCDC (2020, normalization level 1, the gear table of its
   authors), with an average from the file's size, a quarter of it at least and four times it at
   most. So an edit changes the chunks around it and no others.

A file is read through a descriptor and never mapped: one that shrinks meanwhile is an error here,
and no signal. That it changed while it was read shows in what `stat` says before and after; what
changes twice within one tick of the file system's clock does not, so look again at a file that was
modified a moment ago.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from queue import SimpleQueue
from typing import Final, NamedTuple

from simulacra.actors.data.content.cutting import NOTHING, Earlier, cut_run, earlier
from simulacra.actors.data.content.descriptors import extents, read_into
from simulacra.actors.data.content.manifest import WHOLE, Chunk, Manifest, average_for, hash_of
from simulacra.actors.data.entries import Fingerprint

SPAN: Final = 8 * 1024 * 1024
BLOCK: Final = 64 * 1024
THREADS: Final = 2

_ZEROS: Final = bytes(BLOCK)

_Range = tuple[int, int]


class _Span(NamedTuple):
    """A part of a file that is cut on its own: where it starts, and what of it is no hole."""

    start: int
    extents: list[_Range]


class ChangedError(Exception):
    """The file changed while it was read: read it again later."""


def digest_file(
    descriptor: int, *, threads: int = THREADS, before: Manifest | None = None
) -> Manifest:
    """Read a regular file whole, and say what its bytes are.

    Args:
        descriptor: it, open for reading; where it stands is moved.
        threads: how many read, cut and hash a large file.
        before: what its bytes were, which spares the cutting where they still are.

    Raises:
        ChangedError: it changed meanwhile.
        OSError: it cannot be read.
        ValueError: it is no regular file.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("only regular files have chunks")
    size = status.st_size
    if size > WHOLE:
        average = average_for(size)
        chunks = cut_file(
            descriptor,
            size,
            average,
            threads=threads,
            known=earlier(before, average),
            check=lambda: _check(descriptor, status),
        )
        manifest = Manifest(size, average, tuple(chunks))
    else:
        # One byte more is asked for, to see that it has not grown.
        data = os.pread(descriptor, size + 1, 0)
        if len(data) != size:
            raise ChangedError("the file changed while it was read")
        manifest = Manifest.whole(size, hash_of(data))
    _check(descriptor, status)
    return manifest


def _check(descriptor: int, before: os.stat_result) -> None:
    if Fingerprint.of(os.fstat(descriptor)) != Fingerprint.of(before):
        raise ChangedError("the file changed while it was read")


def cut_file(
    descriptor: int,
    size: int,
    average: int,
    *,
    threads: int = THREADS,
    known: Earlier = NOTHING,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Chunk]:
    """The chunks of the first bytes of a file, by offset.

    To look for the chunks of a manifest in another file, cut that with the manifest's average.

    Args:
        descriptor: the file, open for reading; where it stands is moved.
        size: how many of its bytes.
        average: see `manifest.average_for`.
        threads: how many read, cut and hash.
        known: see `cutting.cut_run`.
        check: called before each span; what it raises ends the reading.

    Raises:
        ChangedError: it became shorter meanwhile.
        OSError: it cannot be read.
    """
    threads = min(threads, -(-size // SPAN))
    rooms: SimpleQueue[bytearray] = SimpleQueue()
    for _ in range(threads):
        rooms.put(bytearray(min(SPAN, size)))

    def cut(span: _Span) -> list[Chunk]:
        check()
        room = rooms.get()
        try:
            return _cut_span(descriptor, span, average, known, room)
        finally:
            rooms.put(room)

    spans = _spans(descriptor, size)
    found = _in_order(cut, spans, threads) if threads > 1 else map(cut, spans)
    for chunks in found:
        yield from chunks


def _in_order(
    work: Callable[[_Span], list[Chunk]], spans: Iterator[_Span], threads: int
) -> Iterator[list[Chunk]]:
    """The results of work on each span in order, a few of them being worked on ahead."""
    with ThreadPoolExecutor(threads, "chunking") as pool:
        ahead = deque(pool.submit(work, span) for span in islice(spans, 2 * threads))
        try:
            while ahead:
                yield ahead.popleft().result()
                ahead.extend(pool.submit(work, span) for span in islice(spans, 1))
        finally:
            for future in ahead:
                future.cancel()


def _cut_span(
    descriptor: int, span: _Span, average: int, known: Earlier, room: bytearray
) -> list[Chunk]:
    view = memoryview(room)
    return [
        chunk
        for first, last in _runs(descriptor, span, view)
        for chunk in cut_run(view[first - span.start : last - span.start], first, average, known)
    ]


def _runs(descriptor: int, span: _Span, view: memoryview) -> Iterator[_Range]:
    """Read a span, and find where runs of blocks begin and end in it that are not blank."""
    begun: int | None = None
    reached = span.start
    for first, last in span.extents:
        if begun is not None and first > reached:
            yield begun, reached
            begun = None
        part = view[first - span.start : last - span.start]
        if read_into(descriptor, part, first) < len(part):
            raise ChangedError("the file became shorter while it was read")
        for block in range(first, last, BLOCK):
            reached = min(block + BLOCK, last)
            if not _is_blank(view[block - span.start : reached - span.start]):
                begun = block if begun is None else begun
            elif begun is not None:
                yield begun, block
                begun = None
    if begun is not None:
        yield begun, reached


def _spans(descriptor: int, size: int) -> Iterator[_Span]:
    """The spans of a file that are not one hole."""
    span: _Span | None = None
    for first, last in extents(descriptor, size, BLOCK):
        for at in range(first - first % SPAN, last, SPAN):
            if span is not None and at > span.start:
                yield span
                span = None
            span = span or _Span(at, [])
            span.extents.append((max(first, at), min(last, at + SPAN)))
    if span is not None:
        yield span


def _is_blank(block: memoryview) -> bool:
    # Few blocks that are not blank begin and end with a zero: most are not compared.
    return not block[0] and not block[-1] and block.tobytes() == _ZEROS[: len(block)]
