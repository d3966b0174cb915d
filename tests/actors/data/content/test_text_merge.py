from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.content.text_merge import LARGEST, merge_texts

BASE = b"one\ntwo\nthree\nfour\nfive\n"


def test_changes_that_do_not_touch_are_both_there() -> None:
    ours = b"ONE\ntwo\nthree\nfour\nfive\n"
    theirs = b"one\ntwo\nthree\nfive\nsix\n"
    assert merge_texts(BASE, ours, theirs) == b"ONE\ntwo\nthree\nfive\nsix\n"


def test_what_both_did_alike_is_done_once() -> None:
    ours = b"zero\none\ntwo\nthree\nfour\nfive\n"
    theirs = b"zero\none\ntwo\nthree\nfour\nFIVE\n"
    assert merge_texts(BASE, ours, theirs) == theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (b"ONE\ntwo\nthree\nfour\nfive\n", b"Uno\ntwo\nthree\nfour\nfive\n"),
        (b"ONE\ntwo\nthree\nfour\nfive\n", b"one\nTWO\nthree\nfour\nfive\n"),
        (BASE + b"six\n", BASE + b"seven\n"),
        (BASE, b""),
        (BASE + b"six\n", BASE[:-1]),
        (BASE.replace(b"\n", b"\r\n"), BASE.replace(b"one", b"ONE")),
    ],
)
def test_changes_that_touch_do_not_merge(ours: bytes, theirs: bytes) -> None:
    merged = merge_texts(BASE, ours, theirs)
    assert merged is None or ours == BASE
    assert merged == merge_texts(BASE, theirs, ours)


def test_line_endings_are_part_of_their_lines() -> None:
    base = BASE.replace(b"\n", b"\r\n")
    ours, theirs = base.replace(b"one", b"ONE"), base + b"six\n"
    assert merge_texts(base, ours, theirs) == ours + b"six\n"


def test_a_last_line_without_a_newline_stays_so() -> None:
    base = BASE[:-1]
    assert merge_texts(base, b"zero\n" + base, base) == b"zero\n" + base
    assert merge_texts(base, b"zero\n" + base, base + b"\n") == b"zero\n" + base + b"\n"
    assert merge_texts(base, base + b"\n", base + b"\nsix") is None


@pytest.mark.parametrize("other", [b"\xff\xfe", b"nul\0", b"x" * (LARGEST + 1)])
@pytest.mark.parametrize("where", [0, 1, 2])
def test_what_is_no_text_does_not_merge(other: bytes, where: int) -> None:
    versions = [BASE, b"zero\n" + BASE, BASE]
    assert merge_texts(*versions) is not None
    versions[where] = other
    assert merge_texts(*versions) is None


texts = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\r\n", b"\n", b"d"]), max_size=12).map(
    b"".join
)


@given(texts, texts, texts)
def test_sides_may_change_places(base: bytes, ours: bytes, theirs: bytes) -> None:
    assert merge_texts(base, ours, theirs) == merge_texts(base, theirs, ours)


@given(texts, texts)
def test_what_one_side_did_is_the_result(base: bytes, ours: bytes) -> None:
    assert merge_texts(base, ours, base) == ours
    assert merge_texts(base, ours, ours) == ours


@given(st.lists(st.sampled_from("+-*"), max_size=30), st.data())
def test_edits_of_distinct_lines_are_all_there(kinds: list[str], data: st.DataObject) -> None:
    """Each edit is one side's, with a line between it and the next that nobody touches."""
    base, ours, theirs, both = [], [], [], []
    for number, kind in enumerate(kinds):
        mine = data.draw(st.booleans())
        old, new = f"old {number}\n", f"new {number}\n"
        before = [] if kind == "+" else [old]
        after = [] if kind == "-" else [new]
        fixed = [f"fixed {number}\n"]
        base += before + fixed
        ours += (after if mine else before) + fixed
        theirs += (before if mine else after) + fixed
        both += after + fixed
    merged = merge_texts(*("".join(lines).encode() for lines in (base, ours, theirs)))
    assert merged == "".join(both).encode()


def test_a_large_text_merges_soon() -> None:
    lines = [b"line %d\n" % number for number in range(60_000)]
    ours, theirs = list(lines), list(lines)
    ours[10::6_000] = [b"ours\n"] * 10
    theirs[4_000::6_000] = [b"theirs\n"] * 10
    merged = merge_texts(*(b"".join(version) for version in (lines, ours, theirs)))
    assert merged is not None
    assert merged.count(b"ours\n") == merged.count(b"theirs\n") == 10


def test_comparing_that_would_take_hours_is_given_up() -> None:
    lines = [b"%d\n" % (number * number % 997 % 190) for number in range(150_000)]
    ours, theirs = lines[::-1], lines[1::2]
    begun = time.thread_time()
    assert merge_texts(*(b"".join(version) for version in (lines, ours, theirs))) is None
    assert time.thread_time() - begun < 10
