"""What is kept on disk: the last two checkpoints, results, records, and for how long."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulacra.actors.compute.arguments import Reads
from simulacra.actors.compute.channel import memfd
from simulacra.actors.compute.spec import Command, EntryPoint, Spec
from simulacra.actors.compute.store import CheckpointTooLargeError, Kept, Store
from tests.support import eventually


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Store(tmp_path / "store").of("job")


def save(kept: Kept, data: bytes) -> None:
    fd = memfd(data)
    kept.save_checkpoint(fd, {"size": len(data)})
    os.close(fd)


def newest(kept: Kept) -> bytes | None:
    found = kept.open_checkpoint()
    if found is None:
        return None
    with os.fdopen(found[0], "rb") as file:
        return file.read()


def test_spec_result_and_records_come_back(kept: Kept) -> None:
    spec = Spec(EntryPoint("a:b"), args=(Reads("nas:/x"), 3))
    kept.write_spec(spec)
    assert kept.read_spec() == spec
    assert kept.read_result() is None
    kept.write_result({"text": "5"})
    assert kept.read_result() == {"text": "5"}
    kept.write_record("commit", {"epoch": 3})
    kept.write_record("offer", [1])
    assert kept.read_records() == {"commit": {"epoch": 3}, "offer": [1]}
    kept.remove_record("offer")
    kept.remove_record("offer")
    assert list(kept.read_records()) == ["commit"]


def test_the_last_two_checkpoints_are_kept(kept: Kept) -> None:
    assert newest(kept) is None
    for n in range(12):
        save(kept, b"%d" % n)
    assert newest(kept) == b"11"
    assert sorted(p.name for p in kept.folder.iterdir()) == ["checkpoint-11", "checkpoint-12"]


def test_a_checkpoint_over_the_limit_is_refused_and_the_one_before_stays(tmp_path: Path) -> None:
    kept = Store(tmp_path / "store", checkpoint_limit=10).of("job")
    save(kept, b"x" * 10)
    with pytest.raises(CheckpointTooLargeError, match=r"11 bytes, and checkpoint_limit is 10 .*"):
        save(kept, b"x" * 11)
    assert newest(kept) == b"x" * 10
    assert [path.name for path in kept.folder.iterdir()] == ["checkpoint-1"]


def test_a_large_file_is_gone_at_once_and_what_it_held_soon(kept: Kept) -> None:
    save(kept, b"x" * 2**20)
    held = {path.resolve() for path in Path("/proc/self/fd").iterdir()}
    kept.remove_checkpoints()
    assert list(kept.folder.iterdir()) == []
    eventually(lambda: {path.resolve() for path in Path("/proc/self/fd").iterdir()} <= held)
    kept.remove_checkpoints()


def test_a_torn_checkpoint_falls_back_to_the_one_before(kept: Kept) -> None:
    save(kept, b"old")
    save(kept, b"new" * 100)
    path = kept.folder / "checkpoint-2"
    path.write_bytes(path.read_bytes()[:-5])
    assert newest(kept) == b"old"
    save(kept, b"newer")
    assert newest(kept) == b"newer"


def test_what_a_crash_left_half_written_is_removed(kept: Kept) -> None:
    (kept.folder / "checkpoint-9.part").write_bytes(b"half")
    again = Kept(kept.folder)
    assert newest(again) is None
    assert list(again.folder.iterdir()) == []


def test_finished_ones_are_kept_for_a_time_and_a_size(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for age, name in enumerate(["new", "middle", "old", "held"]):
        kept = store.of(name)
        kept.write_spec(Spec(Command(("true",))))
        kept.write_result({"text": "x" * 1000})
        os.utime(kept.folder / "result", (1000 - age * 10, 1000 - age * 10))
    store.of("running").write_spec(Spec(Command(("true",))))
    assert store.expire(now=1005, seconds=20, keep=["held"]) == ["old"]
    assert store.expire(now=1005, seconds=1000, size=2000, keep=["held"]) == ["middle"]
    assert list(store) == ["held", "new", "running"]
