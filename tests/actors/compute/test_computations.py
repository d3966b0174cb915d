"""Which folders are left over; the rest of the table is tested on real nodes (tests/faults)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from simulacra.actors.compute import standing
from simulacra.actors.compute.computations import is_left_over
from simulacra.actors.compute.records import (
    Active,
    Attempted,
    Committed,
    Dropped,
    Left,
    Record,
    Standing,
    Stored,
)
from simulacra.actors.compute.store import Kept

CAME = (Stored("x", 1, "desk", {}), Active("x", 1))
TRIED = (*CAME, Attempted("x", 2, "nas"))
WENT = (*TRIED, Committed("x", 2, "nas"))


@pytest.mark.parametrize(
    ("records", "left_over"),
    [
        ((), True),
        (CAME[:1], False),
        (CAME, False),
        (TRIED, False),
        (WENT, False),
        ((*WENT, Left("x", 2)), True),
        ((*WENT, Left("x", 2), Stored("x", 3, "nas", {})), False),
        ((CAME[0], Dropped("x", 1)), True),
    ],
)
def test_only_what_is_surely_elsewhere_is_left_over(
    tmp_path: Path, records: tuple[Record, ...], left_over: bool
) -> None:
    kept = Kept(tmp_path / "x")
    if records:
        plain = standing.to_plain(Standing.of(records))
        kept.write_record("moving", plain)
    assert is_left_over(kept, time.time() + 1) is left_over
    assert not is_left_over(kept, time.time() - 60)


def test_what_has_ended_is_kept_for_its_result(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "x")
    kept.write_result({})
    assert not is_left_over(kept, time.time() + 1)
