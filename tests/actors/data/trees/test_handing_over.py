from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.cluster.facts import Epoch
from simulacra.actors.data.reconciling.dots import Context, Replica
from simulacra.actors.data.trees.handing_over import (
    FREEZE_WITHIN,
    PREPARE_WITHIN,
    SILENCE,
    HandOver,
    Seat,
    Step,
    why_not_take,
)
from tests.support import examples

DESK: Final = Replica("desk", 1)
SEAT: Final = Seat(Epoch(1, "desk"), "desk", 0.0, "it was made a tree there")


def known(n: int) -> Context:
    return {DESK: n}


def test_the_steps() -> None:
    move = HandOver(SEAT, "nas", known(5), 0.0)
    assert move.tick(0.0) is Step.ASK
    assert move.answered(SEAT.epoch, known(4), "", 1.0) is None
    assert move.answered(SEAT.epoch, known(5), "", 2.0) is Step.FREEZE
    assert move.frozen
    assert move.answered(SEAT.epoch, known(9), "", 2.0) is None  # what is known is not told yet
    move.froze(known(8))
    assert move.answered(SEAT.epoch, known(7), "", 3.0) is None
    assert move.answered(SEAT.epoch, known(8), "", 4.0) is Step.COMMIT


def test_an_answer_to_an_older_epoch_says_nothing() -> None:
    move = HandOver(Seat(Epoch(3, "desk"), "desk", 0.0), "nas", known(5), 0.0)
    assert move.answered(Epoch(1, "desk"), known(5), "paused", 1.0) is None
    assert not move.frozen


@pytest.mark.parametrize("at", [SILENCE + 0.1, PREPARE_WITHIN + 0.1])
def test_who_is_silent_is_given_up(at: float) -> None:
    move = HandOver(SEAT, "nas", known(5), 0.0)
    assert move.tick(SILENCE) is Step.ASK
    assert move.tick(at) is Step.GIVE_UP
    assert move.problem == "nas does not answer"


def test_a_target_that_lags_while_frozen_is_given_up_and_thawed() -> None:
    move = HandOver(SEAT, "nas", known(5), 0.0)
    move.answered(SEAT.epoch, known(5), "", 0.0)
    move.froze(known(8))
    now = 0.0
    while now < FREEZE_WITHIN:
        now += 5.0
        assert move.answered(SEAT.epoch, known(7), "", now) is None
    assert move.tick(now + 0.1) is Step.GIVE_UP
    assert not move.frozen
    assert move.problem == "not in step in time: the disk of nas does not show all of it yet"


def test_a_problem_of_the_target_is_the_end() -> None:
    move = HandOver(SEAT, "nas", known(5), 0.0)
    assert move.answered(SEAT.epoch, {}, "nas has no copy", 1.0) is Step.GIVE_UP
    assert move.problem == "nas has no copy"


def test_a_higher_epoch_ends_it() -> None:
    move = HandOver(SEAT, "nas", known(5), 0.0)
    assert move.heard_of(SEAT) is None
    assert move.heard_of(SEAT.next("hall", 1.0, "taken")) is Step.GIVE_UP
    assert move.problem == "hall is the main store, in epoch 2"
    assert move.heard_of(None) is Step.GIVE_UP


def test_the_next_seat_remembers_the_last_ones_and_goes_through_the_directory() -> None:
    seat = SEAT
    for host in ("nas", "desk", "nas", "desk", "nas", "desk"):
        seat = seat.next(host, 7.0, "moved")
    assert seat.epoch == Epoch(7, "desk")
    assert seat.before == tuple((n, "nas" if n % 2 == 0 else "desk") for n in range(2, 7))
    assert Seat.of(seat.epoch, seat.to_plain()) == seat
    handed = Seat(SEAT.epoch, "desk", 0.0, "", (), "nas")
    assert Seat.of(SEAT.epoch, handed.to_plain()) == handed


@pytest.mark.parametrize(
    ("handed", "host", "in_reach", "why"),
    [
        ("", "nas", {"nas"}, None),
        ("", "nas", {"nas", "desk"}, "desk, the main store, is in reach"),
        ("", "desk", {"desk"}, "desk is the main store already"),
        ("", "hall", {"hall"}, "hall has no copy"),
        ("nas", "desk", {"desk"}, None),
        ("nas", "desk", {"desk", "nas"}, "nas, the main store, is in reach"),
        ("hall", "nas", {"nas", "desk", "hall"}, None),  # it dropped its copy
    ],
)
def test_who_may_take_a_tree(handed: str, host: str, in_reach: set[str], why: str | None) -> None:
    seat = Seat(SEAT.epoch, "desk", 0.0, "", (), handed)
    found = why_not_take(seat, host, in_reach, {"desk", "nas"})
    assert (found is None) if why is None else (found or "").startswith(why)


@settings(max_examples=examples(200, many=2000))
@given(
    st.lists(
        st.sampled_from(["edit", "show", "answer", "tick", "froze", "restart"]),
        max_size=60,
    )
)
def test_at_a_commit_the_target_shows_all_that_was_known_when_frozen(
    events: list[str],
) -> None:
    edits = shows = 0
    now = 0.0
    asked: int | None = None
    move: HandOver | None = HandOver(SEAT, "nas", known(0), now)
    for event in events:
        now += 1.0
        step = None
        match event:
            case "edit":
                edits += 1
            case "show":
                shows = edits
            case "restart":
                move, asked = HandOver(SEAT, "nas", known(edits), now), None
            case "tick" if move:
                step = move.tick(now)
            case "froze" if move and move.frozen and asked is None:
                asked = edits
                move.froze(known(edits))
            case "answer" if move:
                step = move.answered(SEAT.epoch, known(shows), "", now)
        if step is Step.COMMIT:
            assert asked is not None
            assert shows >= asked
            return
        if step is Step.GIVE_UP:
            assert move is not None
            assert move.problem
            assert not move.frozen
            move = None
