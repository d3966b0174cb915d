"""Single steps of the source; what holds over whole moves is in test_moving."""

from collections.abc import Callable

import pytest

from simulacra.actors.compute import moves as m
from simulacra.actors.compute import records as r
from simulacra.actors.compute.departure import Departure, Leaving
from simulacra.actors.compute.letters import Tick
from simulacra.actors.compute.moving import Patience

OURS = m.Software("3.11", "x86_64")
OTHER = m.Software("3.12", "x86_64")
PATIENCE = Patience(offer=5, freeze=60, install=30, slowest=10, repeat=1)
ATTEMPT = r.Attempted("x", 1, "nas")
COMMIT = r.Committed("x", 1, "nas")


def running() -> Departure:
    return Departure("x", "desk", OURS, r.Standing(active=0, ran=0), PATIENCE)


def offering() -> Departure:
    departure = running()
    assert departure.step(m.Depart("nas", plain=True, size=7), 0) == [m.Write(ATTEMPT)]
    offer = m.Offer("x", 1, OURS, plain=True, size=7)
    assert departure.step(m.Written(ATTEMPT), 0) == [m.Tell("nas", offer)]
    return departure


def freezing(target: m.Software = OURS) -> Departure:
    departure = offering()
    accepted = m.Heard("nas", m.Accepted("x", 1, target))
    assert departure.step(accepted, 0) == [m.Freeze()]
    return departure


def committing() -> Departure:
    departure = freezing()
    install = m.Install("x", 1, "snapshot")
    frozen = m.Frozen("snapshot", plain=True, size=100)
    assert departure.step(frozen, 0) == [m.Tell("nas", install)]
    installed = m.Heard("nas", m.Installed("x", 1))
    assert departure.step(installed, 0) == [m.Write(COMMIT)]
    return departure


def activating() -> Departure:
    departure = committing()
    commands = departure.step(m.Written(COMMIT), 0)
    assert commands == [m.LeaveStub("nas", 1), m.Tell("nas", m.Activate("x", 1))]
    return departure


DISCARD = m.Tell("nas", m.Discard("x", 1))


@pytest.mark.parametrize(("target", "reason"), [("desk", "there already"), ("nas", "try again")])
def test_a_move_that_cannot_begin_changes_nothing(target: str, reason: str) -> None:
    departure = running() if target == "desk" else offering()
    state = departure.state
    [failed] = departure.step(m.Depart(target), 0)
    assert isinstance(failed, m.MoveFailed)
    assert reason in failed.reason
    assert departure.state is state


def test_a_refused_offer_costs_no_pause() -> None:
    commands = offering().step(m.Heard("nas", m.Refused("x", 1, "no memory")), 0)
    assert commands == [DISCARD, m.MoveFailed("nas", "no memory")]


def test_an_offer_is_repeated_and_given_up() -> None:
    departure = offering()
    assert departure.deadline() == 1
    assert [type(c) for c in departure.step(Tick(), 1)] == [m.Tell]
    [discard, failed] = departure.step(Tick(), 5)
    assert discard == DISCARD
    assert isinstance(failed, m.MoveFailed)
    assert "offering" in failed.reason
    assert departure.deadline() is None


def test_state_that_the_target_cannot_read_goes_on_here() -> None:
    departure = freezing(OTHER)
    commands = departure.step(m.Frozen("snapshot", plain=False, size=1), 0)
    assert commands[:2] == [m.Resume(), DISCARD]
    assert departure.state is Leaving.RUNNING


def test_what_cannot_be_frozen_goes_on() -> None:
    commands = freezing().step(m.FreezeFailed("state.sock is a socket"), 0)
    assert commands == [m.Resume(), DISCARD, m.MoveFailed("nas", "state.sock is a socket")]


def test_a_safe_point_that_comes_too_late_is_left_again() -> None:
    departure = freezing()
    departure.step(Tick(), 60)
    assert departure.step(m.Frozen("snapshot", plain=True, size=1), 61) == [m.Resume()]


def test_installing_may_take_what_the_size_takes() -> None:
    departure = freezing()
    departure.step(m.Frozen("snapshot", plain=True, size=100), 0)
    assert [type(c) for c in departure.step(Tick(), 39)] == [m.Tell]
    assert m.Resume() in departure.step(Tick(), 40)


def test_a_commitment_that_is_not_written_does_not_count() -> None:
    commands = committing().step(m.WriteFailed(COMMIT, "disk full"), 0)
    assert commands == [m.Resume(), DISCARD, m.MoveFailed("nas", "disk full")]


def test_activate_is_repeated_with_pauses_that_double() -> None:
    departure = activating()
    dues = []
    for _ in range(3):
        due = departure.deadline()
        assert due is not None
        assert departure.step(Tick(), due) == [m.Tell("nas", m.Activate("x", 1))]
        dues.append(due)
    assert dues == [1, 3, 7]


def test_the_end_of_a_move() -> None:
    departure = activating()
    commands = departure.step(m.Heard("nas", m.Activated("x", 1)), 0)
    assert commands == [m.Write(r.Left("x", 1)), m.MoveDone("nas", 1)]
    assert departure.deadline() is None


def test_doubt_is_answered_when_it_is_decided() -> None:
    doubt = m.Heard("nas", m.InDoubt("x", 1))
    assert running().step(doubt, 0) == [DISCARD]
    assert committing().step(doubt, 0) == []
    assert activating().step(doubt, 0) == [m.Tell("nas", m.Activate("x", 1))]
    lost = Departure("x", "desk", OURS, r.Standing(), PATIENCE)
    assert lost.step(doubt, 0) == []
    other = m.Heard("desk", m.InDoubt("x", 1))
    assert activating().step(other, 0) == [m.Tell("desk", m.Discard("x", 1))]


def test_one_that_ends_by_itself_is_not_moved_and_not_resumed() -> None:
    assert freezing().step(m.Ended(), 0) == [DISCARD, m.MoveFailed("nas", "it has ended")]
    assert committing().step(m.Ended(), 0) == []


def test_one_that_comes_back_may_leave_again() -> None:
    departure = activating()
    departure.step(m.Began(2), 0)
    assert departure.deadline() is None
    assert departure.step(m.Depart("nas"), 0) == [m.Write(r.Attempted("x", 3, "nas"))]


@pytest.mark.parametrize("begun", [offering, freezing])
def test_the_loss_of_the_target_ends_an_attempt_at_once(begun: Callable[[], Departure]) -> None:
    departure = begun()
    assert departure.step(m.HostLost("elsewhere"), 1) == []
    commands = departure.step(m.HostLost("nas"), 1)
    assert commands[-2:] == [DISCARD, m.MoveFailed("nas", "the connection to nas was lost")]
    assert departure.state is Leaving.RUNNING


def test_what_is_committed_is_said_again_when_the_target_is_back() -> None:
    departure = activating()
    assert departure.step(m.HostLost("nas"), 1) == []
    assert departure.step(m.HostMet("desk2"), 2) == []
    assert departure.step(m.HostMet("nas"), 2) == [m.Tell("nas", m.Activate("x", 1))]
