"""The speed of a core, measured."""

from __future__ import annotations

import time

from simulacra.actors.compute import speed


def test_it_is_measured_once_and_quickly() -> None:
    speed.measured_speed.cache_clear()
    began = time.thread_time()
    found = speed.measured_speed()
    assert time.thread_time() - began < 1.0
    assert 0.01 < found < 100
    assert speed.measured_speed() == found


def test_what_runs_beside_it_does_not_count() -> None:
    began = time.thread_time()
    time.sleep(0.02)  # others have the core
    assert time.thread_time() - began < 0.01
    rounds = sorted(speed._round() for _ in range(5))
    assert rounds[0] > 1e-5
