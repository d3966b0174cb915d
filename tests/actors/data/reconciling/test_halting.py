"""When a scan is not to be believed."""

from __future__ import annotations

import pytest

from simulacra.actors.data.reconciling.halting import AT_LEAST, RootFound, why_halt


@pytest.mark.parametrize(
    ("device", "inode", "before", "gone", "why"),
    [
        (1, 2, 100, 0, None),
        (1, 2, 100, 50, None),
        (1, 2, 100, 51, "51 of the tree's 100 paths are gone"),
        (1, 2, 100, 100, "all 100 paths"),
        (1, 2, AT_LEAST - 1, AT_LEAST - 1, None),
        (1, 2, 0, 0, None),
        (None, 0, 0, 0, "is not there"),
        (3, 2, 100, 0, "another one"),
        (1, 3, 100, 0, "another one"),
    ],
)
def test_it_halts(device: int | None, inode: int, before: int, gone: int, why: str | None) -> None:
    found = why_halt(RootFound(device, inode, before, gone), 1, 2)
    assert found is None if why is None else found is not None and why in found
