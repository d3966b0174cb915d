"""How paths are shown."""

from __future__ import annotations

import os
from typing import Final
from unicodedata import category

from hypothesis import example, given
from hypothesis import strategies as st

from simulacra.actors.data.entries import printable, shown

JOINERS: Final = "\u200c\u200d"
WRITTEN: Final = st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"])


@given(st.binary())
def test_nothing_that_is_shown_of_a_path_is_obeyed_by_a_terminal(path: bytes) -> None:
    text = shown(path)
    assert all(each.isprintable() or each in JOINERS or category(each) == "Zs" for each in text)
    text.encode()


@given(st.text(WRITTEN | st.sampled_from(JOINERS)))
@example("Bildschirmfoto 12.30\u202fUhr.png")
@example("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645")
def test_what_is_written_is_as_it_is(text: str) -> None:
    assert shown(text.encode()) == printable(text) == text


def test_all_else_is_escaped() -> None:
    assert shown(b"caf\xe9\n\x1b[2J \xc3\xa9") == "caf\\xe9\\n\\x1b[2J \xe9"
    assert printable("\udce9\u202e\ud800") == "\\xe9\\u202e\\ud800"


@given(st.binary())
def test_a_path_as_text_is_shown_alike(path: bytes) -> None:
    assert printable(os.fsdecode(path)) == shown(path)
