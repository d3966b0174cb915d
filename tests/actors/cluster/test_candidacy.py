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


def test_who_is_new_and_alone_acts_at_once_and_others_give_a_master_time(seat: Seat) -> None:
    seat.reachable = list
    assert Candidacy(seat, 0.0).deadline(0.0) == seat.timing.settle
    assert Candidacy(seat, 0.0).tick(0.0) is None
    seat.is_alone = lambda: True
    assert Candidacy(seat, 0.0).deadline(0.0) == 0.0
    verdict = Candidacy(seat, 0.0).tick(0.0)
    assert verdict is not None
    assert verdict.why == "there was no master; b is the only host in reach"
    seat.epoch = Epoch(2, "b")  # of its own former life, which may still be ending
    assert Candidacy(seat, 0.0).tick(0.0) is None
