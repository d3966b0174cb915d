"""A node that ended while it was starting: what is told of it."""

from __future__ import annotations

import pytest

from simulacra.launch import last_said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ("it said nothing", "")),
        (
            "12:00 INFO it starts\nsimulacra: the port is taken\n  choose another\n",
            ("the port is taken", "choose another"),
        ),
        ("Traceback\n  File x\n    boom()\nValueError: boom\n", ("ValueError: boom", "")),
        ("simulacra: one line", ("one line", "")),
        ("  cut off", ("cut off", "")),
    ],
)
def test_the_last_message_is_told_with_what_to_do(text: str, said: tuple[str, str]) -> None:
    assert last_said(text) == said
