"""When a deletion is not to be believed."""

from __future__ import annotations

import pytest

from simulacra.actors.data.reconciling.halting import AT_LEAST, is_doubtful


@pytest.mark.parametrize(
    ("gone", "before", "doubtful"),
    [
        (0, 100, False),
        (50, 100, False),
        (51, 100, True),
        (100, 100, True),
        (AT_LEAST, AT_LEAST, True),
        (AT_LEAST - 1, AT_LEAST - 1, False),
        (0, 0, False),
    ],
)
def test_more_than_half_of_what_is_not_little_is_doubted(
    gone: int, before: int, *, doubtful: bool
) -> None:
    assert is_doubtful(gone, before) is doubtful
