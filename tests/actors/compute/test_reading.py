from __future__ import annotations

from simulacra.actors.compute.placement import Read
from simulacra.actors.compute.reading import Reading


def test_without_a_loop_as_much_again_is_to_come() -> None:
    reading = Reading()
    reading.read("nas:/d", 100, 2)
    assert reading.to_come() == reading.so_far() == (Read("nas", "nas:/d", 100, 8),)


def test_a_loop_has_in_proportion_to_its_items_still_to_come() -> None:
    reading = Reading()
    reading.progressed("files", 0, 10)
    reading.read("nas:/d", 100, 2)
    reading.progressed("files", 2, 10)
    assert reading.to_come() == (Read("nas", "nas:/d", 400, 32),)
    reading.progressed("files", 10, 10)
    assert reading.to_come() == (Read("nas", "nas:/d", 0, 0),)


def test_after_a_move_only_what_was_read_here_counts() -> None:
    reading = Reading()
    reading.progressed("files", 6, 10)
    reading.read("nas:/d", 100, 1)
    reading.progressed("files", 8, 10)
    assert reading.to_come() == (Read("nas", "nas:/d", 100, 4),)


def test_a_new_loop_begins_a_new_measurement() -> None:
    reading = Reading()
    reading.progressed("first", 0, 10)
    reading.read("nas:/d", 1000, 1)
    reading.progressed("second", 0, 10)
    reading.read("nas:/d", 100, 1)
    reading.progressed("second", 5, 10)
    assert reading.to_come() == (Read("nas", "nas:/d", 100, 4),)
    assert reading.so_far() == (Read("nas", "nas:/d", 1100, 8),)
