"""What is said where a change was not made."""

from __future__ import annotations

from simulacra.actors.data.applying.refusals import Reason, RefusedError


def test_of_a_name_that_is_no_text_it_is_said_in_text() -> None:
    said = str(RefusedError(Reason.CHANGED, b"caf\xe9/\n", "it was changed"))
    assert said == "caf\\xe9/\\n: it was changed"
    assert str(RefusedError(Reason.CHANGED, b"", "it was changed")) == ".: it was changed"
