from __future__ import annotations

import pytest

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


def test_the_work_of_a_loop_is_in_proportion_too() -> None:
    reading = Reading()
    reading.worked(1.0, 10.0)
    assert reading.work_to_come() == 1.0  # as much again
    reading.progressed("files", 0, 10)
    reading.worked(3.0, 12.0)
    reading.progressed("files", 2, 10)
    assert reading.work_to_come() == pytest.approx(8.0)
    reading.worked(0.5, 14.0)  # of a new worker
    reading.progressed("files", 5, 10)
    assert reading.work_to_come() == pytest.approx(2.5)


def test_how_busy_it_is_fades_in_as_a_load_does() -> None:
    reading = Reading()
    for second in range(300):
        reading.worked(2.0 * second, float(second))
    assert reading.busy == pytest.approx(2.0, abs=0.05)
    for second in range(300, 360):
        reading.worked(2.0 * 299, float(second))
    assert reading.busy == pytest.approx(2.0 / 2.718, abs=0.05)


def test_a_new_loop_begins_a_new_measurement() -> None:
    reading = Reading()
    reading.progressed("first", 0, 10)
    reading.read("nas:/d", 1000, 1)
    reading.progressed("second", 0, 10)
    reading.read("nas:/d", 100, 1)
    reading.progressed("second", 5, 10)
    assert reading.to_come() == (Read("nas", "nas:/d", 100, 4),)
    assert reading.so_far() == (Read("nas", "nas:/d", 1100, 8),)
