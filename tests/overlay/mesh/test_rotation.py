from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from simulacra.overlay.mesh.rotation import (
    FIRST_WAIT,
    LONGEST_WAIT,
    Accept,
    Command,
    Heard,
    Keep,
    Kept,
    Record,
    Rotation,
    RotationError,
    Say,
    Turn,
)
from tests.support import examples

Plan = dict[str, tuple[str, str]]


@dataclass
class Host:
    """A host as WireGuard sees it: the key of its devices, and by which keys others are let in.

    Attributes:
        key: lies on disk too, as the private half does.
        disk: what was kept.
        rotation: None while it is down.
    """

    name: str
    plan: Plan
    key: str
    disk: Kept | None = None
    rotation: Rotation | None = None
    accepted: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Rotations(RuleBasedStateMachine):
    """Hosts that get new keys over a network that loses, doubles and delays, and break down."""

    def __init__(self) -> None:
        super().__init__()
        self.hosts: dict[str, Host] = {}
        self.wire: list[tuple[str, Record | Heard]] = []
        self.now = 0.0
        self.numbers = itertools.count(1)

    @initialize(count=st.integers(2, 4))
    def begin(self, count: int) -> None:
        plan = {f"h{n}": (f"h{n}.0", "") for n in range(count)}
        for name, (key, _) in plan.items():
            self.hosts[name] = Host(name, plan, key)
            self.restart(self.hosts[name])

    # -- what happens

    @rule(data=st.data(), cut=st.integers(0, 30))
    def rotate(self, data: st.DataObject, cut: int) -> None:
        host = self.some(data, up=True)
        if host is not None and host.rotation is not None:
            try:
                new = host.rotation.begin(f"{host.name}.{next(self.numbers)}", self.now)
            except RotationError:
                assert host.rotation.own.next
            else:
                self.do(host, new, cut)

    @precondition(lambda self: self.wire)
    @rule(data=st.data(), again=st.booleans(), cut=st.integers(0, 30))
    def deliver(self, data: st.DataObject, again: bool, cut: int) -> None:
        place = data.draw(st.integers(0, len(self.wire) - 1))
        to, what = self.wire[place] if again else self.wire.pop(place)
        self.arrive(to, what, cut)

    @precondition(lambda self: self.wire)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.wire.pop(data.draw(st.integers(0, len(self.wire) - 1)))

    @rule(seconds=st.floats(0.5, LONGEST_WAIT))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        for host in self.hosts.values():
            if host.rotation is not None:
                self.do(host, host.rotation.tick(self.now))

    @rule(data=st.data())
    def break_down_or_start(self, data: st.DataObject) -> None:
        host = self.some(data, up=data.draw(st.booleans()))
        if host is None:
            return
        if host.rotation is not None:
            host.rotation = None
            return
        self.restart(host)
        for other in self.hosts.values():
            if other.rotation is not None and other is not host:
                self.do(other, other.rotation.appeared(host.name, self.now))

    @rule(data=st.data())
    def start_anew(self, data: st.DataObject) -> None:
        host = self.some(data, up=True)
        if host is not None:
            self.restart(host)

    @rule(data=st.data())
    def deliver_all(self, data: st.DataObject) -> None:
        """All that is under way now; some of it comes once more later."""
        under_way = list(self.wire)
        late = data.draw(st.integers(0, 1))
        self.wire = under_way[:late]
        for each in under_way:
            self.arrive(*each)
            self.hosts_that_are_up_have_a_key_in_common()

    @rule(data=st.data(), cut=st.integers(0, 30))
    def hear_by_way_of_another(self, data: st.DataObject, cut: int) -> None:
        told, host = self.some(data, up=True), self.some(data, up=True)
        if told is not None and host is not None and told.rotation is not None:
            self.arrive(host.name, told.rotation.record(data.draw(self.names())), cut)

    @rule(data=st.data(), drawn=st.data())
    def bring_the_plan_up_to_date(self, data: st.DataObject, drawn: st.DataObject) -> None:
        """The plan that is made now comes to some hosts, and to others never."""
        plan = {name: (host.key, "") for name, host in self.hosts.items()}
        for name in drawn.draw(st.sets(self.names())):
            host = self.hosts[name]
            host.plan = plan
            if host.rotation is not None:
                self.do(host, host.rotation.planned(plan, self.now))

    # -- what must be so

    @invariant()
    def hosts_that_are_up_have_a_key_in_common(self) -> None:
        up = [host for host in self.hosts.values() if host.rotation is not None]
        for one, other in itertools.permutations(up, 2):
            assert one.key in other.accepted[one.name]

    def teardown(self) -> None:
        """When everything works again, each has one key, which all the others know."""
        for host in self.hosts.values():
            if host.rotation is None:
                self.restart(host)
        for _ in range(12):
            self.wait(LONGEST_WAIT)
            while self.wire:
                self.arrive(*self.wire.pop(0))
                self.hosts_that_are_up_have_a_key_in_common()
        for one, other in itertools.permutations(self.hosts.values(), 2):
            assert one.rotation is not None
            assert one.rotation.waiting == frozenset()
            assert one.rotation.own.accepted == (one.key,)
            assert other.accepted[one.name] == (one.key,)

    # -- how it is done

    def names(self) -> st.SearchStrategy[str]:
        return st.sampled_from(sorted(self.hosts))

    def some(self, data: st.DataObject, *, up: bool) -> Host | None:
        found = [name for name, host in self.hosts.items() if (host.rotation is not None) is up]
        return self.hosts[data.draw(st.sampled_from(found))] if found else None

    def arrive(self, to: str, what: Record | Heard, cut: int = 30) -> None:
        host = self.hosts[to]
        if host.rotation is None:
            return
        if isinstance(what, Record):
            self.do(host, host.rotation.received(what), cut)
        else:
            self.do(host, host.rotation.heard(what, self.now), cut)

    def do(self, host: Host, commands: Sequence[Command], cut: int = 30) -> None:
        """Do what is to be done, or break down after some of it."""
        for command in commands[:cut]:
            self.do_one(host, command)
        if cut < len(commands):
            host.rotation = None

    def do_one(self, host: Host, command: Command) -> None:
        match command:
            case Keep():
                assert host.rotation is not None
                host.disk = host.rotation.kept
            case Accept(name, keys):
                host.accepted[name] = keys
            case Turn(key):
                host.key = key
            case Say(to, what):
                self.wire.append((to, what))

    def restart(self, host: Host) -> None:
        """Its devices are made anew: they know the plan, until they are told more."""
        host.accepted = {name: (key,) for name, (key, _) in host.plan.items() if name != host.name}
        host.rotation = Rotation(host.name, host.plan, host.disk)
        self.do(host, host.rotation.started())


TestRotations = Rotations.TestCase
TestRotations.settings = settings(
    max_examples=examples(20, many=100), stateful_step_count=40, deadline=None
)


# -- one by one

PLAN: Plan = {"a": ("a0", ""), "b": ("b0", ""), "c": ("c0", "")}


def said(commands: Sequence[Command]) -> list[str]:
    return [command.to for command in commands if isinstance(command, Say)]


def test_a_host_turns_when_all_have_heard_and_not_before() -> None:
    a = Rotation("a", PLAN)
    assert said(a.begin("a1", 0)) == ["b", "c"]
    assert Turn("a1") not in a.heard(Heard("b", "a", 1), 1)
    # Once more is not one more.
    assert a.heard(Heard("b", "a", 1), 1) == []
    found = a.heard(Heard("c", "a", 1), 2)
    assert found[:3] == [Keep(), Keep(), Turn("a1")]
    assert said(found) == ["b", "c"]
    assert a.own == Record("a", 2, "a1", past=("a0",))


def test_others_accept_both_and_then_the_new_one_alone() -> None:
    b = Rotation("b", PLAN)
    offered = Record("a", 1, "a0", "a1")
    assert b.received(offered) == [Keep(), Accept("a", ("a0", "a1")), Say("a", Heard("b", "a", 1))]
    assert b.received(offered) == [Say("a", Heard("b", "a", 1))]
    turned = Record("a", 2, "a1", past=("a0",))
    assert Accept("a", ("a1",)) in b.received(turned)
    assert b.received(offered) == [Say("a", Heard("b", "a", 2))]


def test_what_is_not_answered_is_said_again_at_growing_intervals() -> None:
    a = Rotation("a", PLAN)
    a.begin("a1", 0)
    a.heard(Heard("b", "a", 1), 0)
    times = [now / 4 for now in range(80) if said(a.tick(now / 4)) == ["c"]]
    assert times == [FIRST_WAIT, 3, 7, 15]
    assert said(a.appeared("c", 16)) == ["c"]
    assert a.appeared("b", 16) == []


def test_whoever_leaves_is_waited_for_no_more() -> None:
    a = Rotation("a", PLAN)
    a.begin("a1", 0)
    a.heard(Heard("b", "a", 1), 0)
    assert a.waiting == {"c"}
    assert Turn("a1") in a.planned({"a": ("a0", ""), "b": ("b0", "")}, 5)


def test_a_key_that_is_or_was_there_is_no_new_one() -> None:
    a = Rotation("a", PLAN)
    with pytest.raises(RotationError, match="make a new one"):
        a.begin("a0", 0)
    a.begin("a1", 0)
    with pytest.raises(RotationError, match="already, and waits for b, c"):
        a.begin("a2", 0)


def test_the_next_key_of_the_plan_is_accepted_and_offered_by_nobody_else() -> None:
    plan = {**PLAN, "a": ("a0", "a1")}
    assert Accept("a", ("a0", "a1")) in Rotation("b", plan).started()
    assert Rotation("a", plan).started()[0] == Turn("a0")


def test_a_host_that_was_set_up_anew_has_the_key_of_the_new_plan() -> None:
    b = Rotation("b", PLAN)
    b.received(Record("a", 1, "a0", "a1"))
    stale: list[Any] = b.planned(PLAN, 0)
    assert Accept("a", ("a0", "a1")) in stale
    assert Accept("a", ("x",)) in b.planned({**PLAN, "a": ("x", "")}, 0)
    # What it said before it was set up anew counts no more, and says nothing of the new key.
    assert b.received(Record("a", 7, "a7", past=("a0",))) == []


def test_a_host_that_lost_its_disk_goes_on_after_what_it_said_before() -> None:
    a = Rotation("a", PLAN)
    a.begin("a1", 0)
    found = a.heard(Heard("b", "a", 9), 0)
    assert a.own.version == 10
    assert said(found) == ["b", "c"]
