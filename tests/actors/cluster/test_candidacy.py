"""What one host knows of the life of its master."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulacra.actors.cluster.candidacy import Candidacy
from simulacra.actors.cluster.election import Standing
from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.focus_store import FocusStore
from simulacra.actors.cluster.seat import Seat


@pytest.fixture
def seat(tmp_path: Path) -> Seat:
    store = FocusStore(tmp_path / "focus.db")
    kept = store.load()
    store.close()
    return Seat("b", kept.life, kept.journal, lambda: ["b", "d"], Standing, lambda: 0.0)


def test_a_master_that_was_out_of_reach_gets_time_to_be_heard(seat: Seat) -> None:
    candidacy = Candidacy(seat, 0.0)
    candidacy.member("c", up=False)  # behind a split
    seat.epoch = Epoch(2, "c")  # which heals: another host tells of a master on that side
    candidacy.reset(10.0)
    assert candidacy.says("d", 10.1) is None
    assert candidacy.tick(10.1) is None
    assert seat.commands == []
    candidacy.member("c", up=False)
    assert candidacy.says("d", 10.2) is False
