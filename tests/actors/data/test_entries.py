"""How paths are shown."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.data.entries import printable, shown


@given(st.binary())
def test_nothing_that_is_shown_of_a_path_is_obeyed_by_a_terminal(path: bytes) -> None:
    text = shown(path)
    assert text.isprintable()
    text.encode()


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"])))
def test_what_can_be_seen_is_as_it_is(text: str) -> None:
    assert shown(text.encode()) == printable(text) == text


def test_all_else_is_escaped() -> None:
    assert shown(b"caf\xe9\n\x1b[2J \xc3\xa9") == "caf\\xe9\\n\\x1b[2J \xe9"
    assert printable("\udce9\u202e\ud800") == "\\xe9\\u202e\\ud800"


@given(st.binary())
def test_a_path_as_text_is_shown_alike(path: bytes) -> None:
    assert printable(os.fsdecode(path)) == shown(path)
