"""What is read so far says what is still to be read."""

from __future__ import annotations

from simulacra.actors.compute.placement import Read
from simulacra.actors.compute.reading import Reading


def test_all_that_was_opened_is_counted_by_its_folder() -> None:
    reading = Reading()
    reading.read("nas:/a", 100, 2)
    reading.read("nas:/a", 50, 1)
    reading.read("desk:/b", 7)
    assert reading.so_far() == (Read("nas", "nas:/a", 150, 3), Read("desk", "desk:/b", 7, 1))


def test_what_is_to_come_is_in_proportion_to_what_a_loop_has_before_it() -> None:
    reading = Reading()
    reading.read("nas:/a", 100, 10)
    assert reading.to_come() == (Read("nas", "nas:/a", 100, 10),)  # as much again
    reading.progressed(10, 40)
    assert reading.to_come() == (Read("nas", "nas:/a", 300, 30),)
    reading.progressed(40, 40)
    assert reading.to_come() == (Read("nas", "nas:/a", 0, 1),)
