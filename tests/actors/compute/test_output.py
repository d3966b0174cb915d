"""The output log: never over its limit, and nothing lost uncounted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute.output import OutputLog


@given(st.lists(st.binary(max_size=30), max_size=30), st.integers(2, 40))
def test_the_newest_bytes_are_kept_and_the_rest_counted(
    tmp_path_factory: pytest.TempPathFactory, writes: list[bytes], limit: int
) -> None:
    log = OutputLog(tmp_path_factory.mktemp("log") / "log", limit)
    for data in writes:
        log.write(data)
    kept, everything = log.read(), b"".join(writes)
    log.close()
    assert everything.endswith(kept)
    assert len(kept) <= limit
    assert log.dropped == len(everything) - len(kept)


def test_a_log_goes_on_where_it_was(tmp_path: Path) -> None:
    for word in (b"one ", b"two"):
        log = OutputLog(tmp_path / "log", 100)
        log.write(word)
        log.close()
    assert (tmp_path / "log").read_bytes() == b"one two"


def test_its_end_is_behind_all_that_was_ever_written(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "log", 10)
    for count in range(1, 9):
        log.write(b"word")
        assert log.end == 4 * count
        assert log.read_after(log.end, 100) == (b"", log.end)
    log.close()


def test_a_disk_that_refuses_is_counted_and_not_raised() -> None:
    log = OutputLog(Path("/dev/full"), 100)
    log.write(b"words")
    assert log.dropped == 5
    log.close()
