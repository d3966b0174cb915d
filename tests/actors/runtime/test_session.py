"""Two sessions over a simulated network that delays, loses and cuts, on a virtual clock."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.runtime.frames import Lane
from simulacra.actors.runtime.session import (
    NOBODY,
    Beat,
    Command,
    Deliver,
    Dial,
    Down,
    Greet,
    Session,
    State,
    Timing,
    Up,
)
from tests.support import examples

TIMING = Timing(heartbeat=1, lost=4, greeting=4, rest=0.5, longest_rest=8)


@dataclass
class End:
    """One node's end: its session, what it sends, and what reached its actors."""

    name: str
    session: Session
    sent: int = 0
    numbers: dict[Lane, int] = field(default_factory=lambda: {Lane.CONTROL: 1, Lane.DATA: 1})
    got: list[tuple[int, int]] = field(default_factory=list)
    told: list[Command] = field(default_factory=list)
    other: End = field(init=False)


class World:
    """Two ends; a wire for each lane and session, in order, that may be cut or lose frames."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.cut = False
        self.wires: dict[tuple[str, Any, Lane], deque[tuple[Any, ...]]] = {}
        self.a = End("a", Session(101, TIMING))
        self.b = End("b", Session(202, TIMING))
        self.a.other, self.b.other = self.b, self.a
        for end in (self.a, self.b):
            self.run(end, end.session.start(0))

    def run(self, end: End, commands: list[Command]) -> None:
        for command in commands:
            end.told.append(command)
            match command:
                case Dial():
                    end.numbers = {Lane.CONTROL: 1, Lane.DATA: 1}
                    for key in [key for key in self.wires if key[0] == end.name]:
                        del self.wires[key]
                    for lane in Lane:
                        self.wires[end.name, end.session.id, lane] = deque()
                    self.greet(end)
                case Greet():
                    self.greet(end)
                case Beat():
                    for lane in Lane:
                        self.post(end, lane, ("data", end.session.id, end.numbers[lane], ()))

    def greet(self, end: End) -> None:
        self.post(end, Lane.CONTROL, ("hello", end.session.id, end.session.theirs))

    def post(self, end: End, lane: Lane, frame: tuple[Any, ...]) -> None:
        wire = self.wires.get((end.name, end.session.id, lane))
        if wire is not None:
            wire.append(frame)

    def send(self, end: End) -> None:
        if end.session.state is State.UP:
            first = end.numbers[Lane.DATA]
            batch = tuple(range(end.sent, end.sent + self.random.randint(1, 3)))
            end.sent += len(batch)
            end.numbers[Lane.DATA] += len(batch)
            self.post(end, Lane.DATA, ("data", end.session.id, first, batch))

    def carry(self, *, lose: bool = False, double: bool = False) -> None:
        """Bring one frame over one of the wires."""
        full = sorted(key for key, wire in self.wires.items() if wire)
        if not full or self.cut:
            return
        name, _, lane = key = self.random.choice(full)
        frame = self.wires[key].popleft()
        if lose:
            return
        for _ in range(1 + double):
            self.arrive(self.b if name == "a" else self.a, lane, frame)

    def arrive(self, end: End, lane: Lane, frame: tuple[Any, ...]) -> None:
        if frame[0] == "hello":
            self.run(end, end.session.hello(frame[1], frame[2], self.now))
            return
        _, theirs, first, batch = frame
        commands = end.session.frame(lane, theirs, first, len(batch), self.now)
        self.run(end, commands)
        for command in commands:
            if isinstance(command, Deliver):
                end.got += [(theirs[1], number) for number in batch[command.skip :]]

    def tick(self, seconds: float) -> None:
        self.now += seconds
        for end in (self.a, self.b):
            self.run(end, end.session.tick(self.now))

    def settle(self, seconds: float = 60.0) -> None:
        """Let a sound network work."""
        self.cut = False
        for _ in range(int(seconds * 10)):
            self.tick(0.1)
            for _ in range(20):
                self.carry()


actions = st.lists(
    st.sampled_from(["send a", "send b", "carry", "carry", "carry", "lose", "double", "tick"])
    | st.sampled_from(["cut", "join", "fail a"]),
    max_size=150,
)


@settings(max_examples=examples(30, many=200), deadline=None)
@given(st.integers(0, 2**32), actions)
def test_mail_keeps_its_order_arrives_at_most_once_and_losses_are_told(
    seed: int, steps: list[str]
) -> None:
    world = World(seed)
    deeds: dict[str, Callable[[], None]] = {
        "send a": lambda: world.send(world.a),
        "send b": lambda: world.send(world.b),
        "carry": world.carry,
        "lose": lambda: world.carry(lose=True),
        "double": lambda: world.carry(double=True),
        "tick": lambda: world.tick(world.random.choice([0.1, 0.5, 1.0])),
        "cut": lambda: setattr(world, "cut", True),
        "join": lambda: setattr(world, "cut", False),
        "fail a": lambda: world.run(world.a, world.a.session.fail("told to", world.now)),
    }
    for step in steps:
        deeds[step]()
    world.settle()
    for end in (world.a, world.b):
        numbers = [number for _, number in end.got]
        assert numbers == sorted(set(numbers))
        for session in {session for session, _ in end.got}:
            one = [number for number_session, number in end.got if number_session == session]
            assert one == list(range(one[0], one[0] + len(one)))  # no gap within a session
        if len(numbers) < end.other.sent:
            assert any(isinstance(command, Down) for command in end.told + end.other.told)
        ups = [command for command in end.told if isinstance(command, Up | Down)]
        assert all(type(x) is not type(y) for x, y in pairwise(ups))
    assert world.a.session.state is world.b.session.state is State.UP
    world.send(world.a)
    world.settle(5)
    assert [number for _, number in world.b.got][-1] == world.a.sent - 1


def up(now: float = 0.0) -> Session:
    session = Session(1, TIMING)
    session.start(now)
    assert session.hello((2, 1), (1, 1), now) == [Up(), Greet()]
    return session


def test_silence_is_loss() -> None:
    session = up()
    for tenth in range(40):
        session.tick(tenth / 10)
    assert session.state is State.UP
    [down] = session.tick(4.1)
    assert isinstance(down, Down)
    assert "silent for 4.1 s" in down.reason


def test_who_was_stopped_himself_judges_nobody() -> None:
    session = up()
    session.tick(0.1)
    assert session.tick(100.0) == [Beat()]


def test_a_heartbeat_a_second() -> None:
    session = up()
    beats = [session.tick(tenth / 10).count(Beat()) for tenth in range(1, 31)]
    assert sum(beats) == 3


def test_a_gap_is_loss_and_counted() -> None:
    session = up()
    assert session.frame(Lane.DATA, (2, 1), 1, 2, 0) == [Deliver(0)]
    [down] = session.frame(Lane.DATA, (2, 1), 5, 1, 0)
    assert down == Down("2 messages were lost on the way")
    assert session.counters.lost == 2


def test_duplicates_are_dropped() -> None:
    session = up()
    session.frame(Lane.DATA, (2, 1), 1, 3, 0)
    assert session.frame(Lane.DATA, (2, 1), 1, 3, 0) == []
    assert session.frame(Lane.DATA, (2, 1), 2, 3, 0) == [Deliver(2)]
    assert session.counters.duplicates == 5


def test_frames_of_another_session_are_stale() -> None:
    session = up()
    assert session.frame(Lane.DATA, (2, 9), 1, 1, 0) == []
    assert session.counters.stale == 1


def test_a_new_session_of_theirs_ends_ours() -> None:
    session = up()
    [down, dial, greet] = session.hello((2, 2), NOBODY, 1)
    assert down == Down("it lost the connection")
    assert (dial, greet) == (Dial(), Greet())
    assert session.id == (1, 2)
    [down, *_] = up().hello((3, 1), NOBODY, 1)
    assert down == Down("its process was started anew")


def test_a_late_hello_of_an_earlier_session_changes_nothing() -> None:
    session = up()
    session.hello((2, 5), session.id, 1)
    assert session.hello((2, 1), session.id, 1) == []
    assert session.theirs == (2, 5)


def test_a_session_that_its_data_lane_told_of_makes_earlier_ones_old() -> None:
    session = Session(1, TIMING)
    session.start(0)
    assert session.hears_of((2, 5))
    assert session.hello((2, 4), session.id, 1) == []
    assert session.counters.stale == 1
    assert session.hello((2, 5), session.id, 1) == [Up(), Greet()]
    assert session.hears_of((3, 1))  # another process


def test_an_unanswered_greeting_starts_over() -> None:
    session = Session(1, TIMING)
    session.start(0)
    dials = [tick for tick in range(1, 13) if session.tick(float(tick)) == [Dial()]]
    assert dials == [4, 8, 12]


def test_who_is_turned_away_knocks_again_soon() -> None:
    session = Session(1, TIMING)
    session.start(0)
    session.cut_off("turned away", 0.25)
    assert [session.tick(0.5), session.tick(0.75)] == [[], [Dial()]]


def test_who_was_turned_away_dials_as_soon_as_the_other_greets() -> None:
    session = Session(1, TIMING)
    session.start(0)
    session.cut_off("turned away", 0.25)
    assert session.hello((2, 1), NOBODY, 0.3) == [Dial(), Greet()]
    assert session.hello((2, 1), session.id, 0.4) == [Up()]


def test_a_lane_cut_off_ends_a_session_that_is_up_at_the_next_tick() -> None:
    session = up()
    session.cut_off("it broke", 1.0)
    assert session.tick(1.1) == [Down("it broke")]
    assert session.tick(2.0) == [Dial()]


def test_a_goodbye_from_before_a_lane_was_cut_off_is_why_the_session_ended() -> None:
    session = up()
    session.cut_off("it broke", 1.0)
    assert session.fail("it said goodbye", 1.05) == [Down("it said goodbye")]
    assert session.tick(1.1) == []


def test_an_answer_to_a_greeting_whose_lane_was_cut_off_connects_nobody() -> None:
    session = Session(1, TIMING)
    session.start(0)
    assert session.hello((2, 1), NOBODY, 0.1) == [Greet()]
    greeted = session.id
    session.cut_off("it broke", 0.2)
    assert session.frame(Lane.DATA, (2, 1), 1, 1, 0.3) == []
    assert session.hello((2, 1), greeted, 0.3) == [Dial(), Greet()]
    assert session.hello((2, 1), session.id, 0.4) == [Up()]


def test_who_rests_greets_nobody_until_it_is_woken_and_cannot_fail() -> None:
    session = up()
    session.rest(1.0)
    assert session.state is State.RESTING
    assert [session.tick(now / 2) for now in range(3, 60)] == [[]] * 57
    assert session.fail("refused", 40.0) == []
    assert session.frame(Lane.DATA, (2, 1), 1, 1, 40.0) == []
    assert session.wake(41.0) == [Dial()]
    assert session.wake(41.0) == []
    assert session.id == (1, 2)


def test_who_rests_is_woken_by_a_greeting_of_a_new_session_alone() -> None:
    session = up()
    over = session.theirs
    session.rest(1.0)
    assert session.awaited == NOBODY
    assert session.hello(over, session.id, 1.1) == []
    new = over[0], over[1] + 1
    assert session.hears_of(new)  # by the data lane, which may be the first to come
    assert session.awaited == new
    assert session.hello(new, NOBODY, 1.2) == [Dial(), Greet()]
    assert session.hello(new, session.id, 1.3) == [Up()]


@pytest.mark.parametrize("rest", [None, 3.0])
def test_after_a_failure_it_rests(rest: float | None) -> None:
    session = up()
    assert isinstance(session.fail("told to", 0.0, rest=rest)[0], Down)
    first = next(t for t in range(1, 100) if session.tick(t / 10) == [Dial()])
    assert first == (rest or 0.5) * 10


def test_rests_grow_while_failures_follow_closely() -> None:
    session = up()
    rests = []
    now = 0.0
    for _ in range(7):
        session.fail("again", now)
        start = now
        while session.tick(now) != [Dial()]:
            now += 0.125
        rests.append(now - start)
    assert rests == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_who_falls_silent_again_and_again_is_dialed_soon_each_time() -> None:
    session = up()
    now = 0.0
    for number in range(2, 7):
        while not any(isinstance(each, Down) for each in session.tick(now)):
            now += 0.125
        silent = now
        while session.tick(now) != [Dial()]:
            now += 0.125
        assert now - silent == 0.5
        assert Up() in session.hello((2, number), session.id, now)
