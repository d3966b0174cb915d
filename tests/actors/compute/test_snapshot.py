"""Snapshots: what was written comes back, and what cannot is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.compute.channel import memfd
from simulacra.actors.compute.snapshot import Snapshot, SnapshotError
from simulacra.actors.compute.values import CannotPackError


@pytest.mark.parametrize("portable", [False, True])
def test_what_was_written_comes_back(portable: bool) -> None:
    snapshot = Snapshot({"a": [1, b"x" * 10**6]}, 2, {"loop": {"at": 3}}, 4, 5)
    assert snapshot.is_plain()
    assert Snapshot.read(snapshot.write(portable=portable)) == snapshot


def test_python_objects_come_back_but_are_not_portable() -> None:
    snapshot = Snapshot({"a": {1, 2}})
    assert not snapshot.is_plain()
    assert Snapshot.read(snapshot.write()) == snapshot
    with pytest.raises(CannotPackError, match=r"state\.a is a set"):
        snapshot.write(portable=True)
    with pytest.raises(CannotPackError, match=r"items of ctx\.steps"):
        Snapshot({}, loops={"x": {"items": [(1, 2)]}}).write(portable=True)


def test_a_refused_snapshot_leaves_no_descriptor_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(CannotPackError, match="generator"):
        Snapshot({"a": (x for x in "ab")}).write()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("data", [b"", b"x", b"p", b"pnothing", b"m\xc1", b"m\x01"])
def test_what_is_no_snapshot_is_refused(data: Any) -> None:
    with pytest.raises(SnapshotError):
        Snapshot.read(memfd(data))
