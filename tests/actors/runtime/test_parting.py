"""Two nodes that agree to rest: the machine on virtual time, and real nodes."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.runtime.frames import Lane
from simulacra.actors.runtime.parting import Line, Parting, Step, surplus

IDLE = 10.0
PATIENCE = 4.0


@dataclass
class End:
    """One node's side of one session: what it sent and holds, and what came."""

    parting: Parting = field(default_factory=lambda: Parting(PATIENCE))
    lanes: dict[Lane, deque[tuple[Any, ...]]] = field(
        default_factory=lambda: {lane: deque() for lane in Lane}
    )
    told: list[int] = field(default_factory=list)
    held: list[int] = field(default_factory=list)
    got: list[int] = field(default_factory=list)
    state: str = "up"
    wants: bool = True
    needs: bool = False

    def tell(self, number: int, now: float) -> None:
        self.told.append(number)
        if self.parting.is_offered or self.state != "up":
            self.held.append(number)
        else:
            self.lanes[Lane.DATA].append(("mail", number))
            self.parting.used(now)

    def take(self, lane: Lane, frame: tuple[Any, ...], now: float) -> None:
        if self.state != "up":
            assert frame[0] != "mail", "lost"
            return
        match frame:
            case ("mail", number):
                self.got.append(number)
                self.parting.used(now)
            case ("rest", number):
                self.parting.heard_rest(lane, number)
            case ("stay", number) if self.parting.heard_stay(number, now):
                self.lanes[Lane.DATA].extend(("mail", each) for each in self.held)
                self.held.clear()

    def look(self, now: float) -> None:
        """As `Resting.look`."""
        parting = self.parting
        if self.state != "up":
            return
        step = parting.look(now, IDLE, wants=self.wants, needs=self.needs)
        if step is Step.OFFER:
            parting.offered(now)
            for lane in Lane:
                self.lanes[lane].append(("rest", parting.number))
            step = parting.look(now, IDLE, wants=self.wants, needs=self.needs)
        if step is Step.STAY:
            self.lanes[Lane.CONTROL].append(("stay", parting.asked))
            parting.stays()
        elif step is not None:
            self.state = step.value


class World:
    """Two ends, their lanes in order and as slow as chance has it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.ends = End(), End()
        for end in self.ends:
            end.parting.begin(0.0)

    def carry(self) -> None:
        full = [
            (end, other, lane)
            for end, other in (self.ends, self.ends[::-1])
            for lane in Lane
            if end.lanes[lane]
        ]
        if full:
            end, other, lane = self.random.choice(full)
            other.take(lane, end.lanes[lane].popleft(), self.now)

    def tick(self, seconds: float) -> None:
        self.now += seconds
        for end in self.random.sample(self.ends, 2):
            end.look(self.now)

    def settle(self) -> None:
        """Carry all, and let both say what they have to, without more time to be idle in."""
        self.tick(0.0)
        while any(end.lanes[lane] for end in self.ends for lane in Lane):
            self.carry()
            self.tick(0.0)


deeds = st.lists(
    st.sampled_from(
        ["tell 0", "tell 1", "carry", "carry", "carry", "look", "wait", "want", "need"]
    ),
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), deeds)
def test_no_mail_is_lost_and_both_rest_or_none(seed: int, steps: list[str]) -> None:
    world = World(seed)
    for number, step in enumerate(steps):
        who = world.random.choice(world.ends)
        match step.split():
            case ["tell", end]:
                world.ends[int(end)].tell(number, world.now)
            case ["carry"]:
                world.carry()
            case ["look"]:
                world.tick(0.01)
            case ["wait"]:
                # Not longer than an answer may take, which the transport sees to by itself.
                world.settle()
                world.tick(IDLE)
            case ["want"]:
                who.wants = not who.wants
            case ["need"]:
                who.needs = not who.needs
    world.settle()
    a, b = world.ends
    assert {a.state, b.state} in ({"up"}, {"rest"})
    assert a.got + b.held == b.told
    assert b.got + a.held == a.told
    if a.state == "up":
        assert a.held == b.held == []


def test_an_offer_without_an_answer_is_given_up() -> None:
    parting = Parting(PATIENCE)
    parting.begin(0.0)
    assert parting.look(IDLE - 0.1, IDLE, wants=True, needs=False) is None
    assert parting.look(IDLE, IDLE, wants=True, needs=True) is None
    assert parting.look(IDLE, IDLE, wants=True, needs=False) is Step.OFFER
    parting.offered(IDLE)
    parting.heard_rest(Lane.CONTROL, 1)
    assert parting.look(IDLE + PATIENCE - 0.1, IDLE, wants=True, needs=False) is None
    assert parting.look(IDLE + PATIENCE, IDLE, wants=True, needs=False) is Step.FAIL


def test_who_is_offered_it_agrees_after_half_of_the_time() -> None:
    for used, step in ((5.1, Step.STAY), (5.0, Step.OFFER)):
        parting = Parting(PATIENCE)
        parting.begin(0.0)
        parting.used(used)
        for lane in Lane:
            assert parting.look(10.0, IDLE, wants=False, needs=False) is None
            parting.heard_rest(lane, 7)
        assert parting.look(10.0, IDLE, wants=False, needs=False) is step
        assert parting.look(10.0, IDLE, wants=False, needs=True) is Step.STAY


@given(
    st.lists(st.builds(Line, st.uuids().map(str), st.floats(0, 100), st.booleans()), max_size=30),
    st.integers(0, 30),
    st.floats(0, 50),
)
def test_the_longest_idle_go_and_no_more_than_are_too_many(
    lines: list[Line], most: int, idle: float
) -> None:
    going = surplus(lines, most, idle, 100.0)
    assert len(going) <= max(0, len(lines) - most)
    by_key = {line.key: line for line in lines}
    gone = [by_key[key] for key in going]
    assert all(line.is_free and 100.0 - line.idle_since >= idle for line in gone)
    stay = [x for x in lines if x not in gone and x.is_free and 100.0 - x.idle_since >= idle]
    if stay:  # no more were too many, and those who stay were used later
        assert len(going) == max(0, len(lines) - most)
        assert all(x.idle_since <= y.idle_since for x in gone for y in stay)
