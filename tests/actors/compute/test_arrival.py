"""Single steps of the target; what holds over whole moves is in test_moving."""

from simulacra.actors.compute import moves as m
from simulacra.actors.compute import records as r
from simulacra.actors.compute.arrival import Arrival, Arriving
from simulacra.actors.compute.letters import Tick

OURS = m.Software("3.11", "x86_64")
OTHER = m.Software("3.12", "x86_64")
STORED = r.Stored("x", 1, "desk", "here")
INSTALLED = m.Tell("desk", m.Installed("x", 1))
ACCEPTED = m.Tell("desk", m.Accepted("x", 1, OURS))
ACTIVATED = m.Tell("desk", m.Activated("x", 1))


def heard(message: m.Message) -> m.Heard:
    return m.Heard("desk", message)


def absent() -> Arrival:
    return Arrival("x", OURS, r.Standing())


def storing() -> Arrival:
    arrival = absent()
    install = heard(m.Install("x", 1, "there"))
    assert arrival.step(install, 0) == [m.Fetch("desk", 1, "there")]
    assert arrival.step(install, 0) == []
    assert arrival.step(m.Fetched(1, "here"), 0) == [m.Write(STORED)]
    return arrival


def inert() -> Arrival:
    arrival = storing()
    assert arrival.step(m.Written(STORED), 0) == [INSTALLED]
    return arrival


def offer(*, plain: bool | None = True) -> m.Heard:
    return heard(m.Offer("x", 1, OTHER, plain=plain, size=7))


def test_an_offer_is_accepted_or_refused_with_the_reason() -> None:
    assert absent().step(offer(), 0) == [ACCEPTED, m.Expect()]
    [refused] = absent().step(offer(plain=False), 0)
    assert isinstance(refused, m.Tell)
    assert isinstance(refused.message, m.Refused)
    assert "plain data" in refused.message.reason
    full = Arrival("x", OURS, r.Standing(), lambda offered: f"no room for {offered.size} bytes")
    refusal = m.Tell("desk", m.Refused("x", 1, "no room for 7 bytes"))
    assert full.step(offer(), 0) == [refusal]


def test_what_is_accepted_is_expected_once_and_not_for_ever() -> None:
    arrival = absent()
    arrival.step(offer(), 0)
    assert arrival.step(offer(), 1) == [ACCEPTED]
    assert arrival.deadline() == 66
    assert arrival.step(Tick(), 65) == []
    assert arrival.step(Tick(), 66) == [m.ExpectNoMore()]
    assert arrival.deadline() is None
    assert arrival.step(offer(), 70) == [ACCEPTED, m.Expect()]


def test_an_attempt_that_is_given_up_before_the_snapshot_is_expected_no_more() -> None:
    arrival = absent()
    arrival.step(offer(), 0)
    assert arrival.step(heard(m.Discard("x", 1)), 1) == [m.ExpectNoMore()]
    assert arrival.step(heard(m.Discard("x", 1)), 1) == []


def test_what_has_come_is_expected_no_more_and_an_old_offer_is_no_reason_to() -> None:
    arrival = absent()
    arrival.step(offer(), 0)
    assert arrival.step(heard(m.Install("x", 1, "there")), 1) == [m.Fetch("desk", 1, "there")]
    assert arrival.deadline() is None
    assert arrival.step(offer(), 2) == [ACCEPTED]


def test_a_snapshot_that_is_kept_is_kept_once() -> None:
    assert inert().step(heard(m.Install("x", 1, "there")), 0) == [INSTALLED]


def test_it_runs_when_told_and_says_so_again_when_told_again() -> None:
    arrival = inert()
    active = r.Active("x", 1)
    assert arrival.step(heard(m.Activate("x", 1)), 0) == [m.Write(active)]
    assert arrival.step(heard(m.Activate("x", 1)), 0) == []
    assert arrival.step(m.Written(active), 0) == [m.Run(1, "here"), ACTIVATED]
    assert arrival.step(heard(m.Activate("x", 1)), 0) == [ACTIVATED]
    assert arrival.deadline() is None
    gone_on = Arrival("x", OURS, r.Standing(ran=1))
    assert gone_on.step(heard(m.Activate("x", 1)), 0) == [ACTIVATED]


def test_it_asks_when_not_told_with_pauses_that_double() -> None:
    arrival = inert()
    dues = []
    for _ in range(8):
        due = arrival.deadline()
        assert due is not None
        assert arrival.step(Tick(), due) == [m.Tell("desk", m.InDoubt("x", 1))]
        dues.append(due)
    assert dues == [1, 3, 7, 15, 31, 63, 123, 183]


def test_after_a_crash_it_asks_at_once() -> None:
    arrival = Arrival("x", OURS, r.Standing(stored=STORED))
    assert arrival.step(m.Boot(), 0) == [m.Tell("desk", m.InDoubt("x", 1))]


def test_what_is_discarded_does_not_come_back() -> None:
    arrival = inert()
    assert arrival.step(heard(m.Discard("x", 1)), 0) == [m.Forget(1), m.Write(r.Dropped("x", 1))]
    assert arrival.step(heard(m.Install("x", 1, "there")), 0) == []
    assert arrival.step(heard(m.Activate("x", 1)), 0) == []
    assert arrival.state is Arriving.ABSENT


def test_a_newer_attempt_takes_the_place_of_an_older() -> None:
    arrival = storing()
    commands = arrival.step(heard(m.Install("x", 2, "newer")), 0)
    assert commands == [m.Forget(1), m.Write(r.Dropped("x", 1)), m.Fetch("desk", 2, "newer")]
    assert arrival.step(m.Written(STORED), 0) == []
    assert arrival.step(heard(m.Discard("x", 1)), 0) == []


def test_a_snapshot_that_cannot_be_kept_is_refused() -> None:
    refusal = m.Tell("desk", m.Refused("x", 1, "disk full"))
    arrival = storing()
    assert arrival.step(m.WriteFailed(STORED, "disk full"), 0)[-1] == refusal
    arrival = absent()
    arrival.step(heard(m.Install("x", 1, "there")), 0)
    assert arrival.step(m.FetchFailed(1, "disk full"), 0)[-1] == refusal


def test_a_start_that_is_not_written_waits_to_be_told_again() -> None:
    arrival = inert()
    arrival.step(heard(m.Activate("x", 1)), 0)
    assert arrival.step(m.WriteFailed(r.Active("x", 1), "disk full"), 0) == []
    assert arrival.step(heard(m.Activate("x", 1)), 0) == [m.Write(r.Active("x", 1))]
