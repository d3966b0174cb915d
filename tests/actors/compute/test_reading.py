"""What a computation reads: what was measured, and what is expected."""

from __future__ import annotations

from simulacra.actors.compute.placement import Read
from simulacra.actors.compute.reading import Reading


def test_nothing_is_read_and_nothing_expected() -> None:
    assert Reading().so_far() == Reading().to_come() == ()


def test_without_a_loop_as_much_again_is_expected() -> None:
    reading = Reading()
    reading.read("nas:/a", 10)
    reading.read("nas:/a", 20)
    reading.read("desk:/b", 1)
    assert reading.so_far() == (Read("nas", "nas:/a", 30, 2), Read("desk", "desk:/b", 1, 1))
    assert reading.to_come() == reading.so_far()


def test_a_loop_says_how_much_is_to_come() -> None:
    reading = Reading()
    reading.read("nas:/a", 100)
    reading.progressed(done=25, total=100)
    assert reading.to_come() == (Read("nas", "nas:/a", 300, 1),)
    reading.progressed(done=100, total=100)
    assert reading.to_come() == (Read("nas", "nas:/a", 0, 1),)
    reading.progressed(done=0, total=100)
    assert reading.to_come() == reading.so_far()
