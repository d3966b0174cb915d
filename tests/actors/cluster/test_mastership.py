from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simulacra.actors.cluster import journal as journals
from simulacra.actors.cluster import tidings as m
from simulacra.actors.cluster.entry_kinds import SUCCESSION
from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.focus_timing import Timing
from simulacra.actors.cluster.lattice import State
from simulacra.actors.cluster.reign import ANY
from simulacra.testing import Link
from tests.actors.cluster.realm import Order, Realm
from tests.support import examples

EXAMPLES = examples(20, many=1000)
PATIENT = 3600
"""Seconds for many examples on a busy machine."""


@pytest.fixture(autouse=True)
def fold_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fold journals so often that it happens in these tests."""
    monkeypatch.setattr(journals, "FOLD_AT", 6)
    monkeypatch.setattr(journals, "FOLD_KEEPS", 2)


links = st.builds(
    Link,
    delay=st.sampled_from([(0.001, 0.01), (0.001, 0.3)]),
    loss=st.sampled_from([0, 0, 0.1, 0.3]),
    duplication=st.sampled_from([0, 0.3]),
)
hosts = st.sampled_from("abcde")
seconds = st.sampled_from([0.05, 0.5, 2.0, 6.0, 12.0])


class Trouble(RuleBasedStateMachine):
    """Hosts crash, stop, part and meet again while clients ask; then there is quiet."""

    realm: Realm

    @initialize(seed=st.integers(0, 2**32), link=links, size=st.integers(1, 5))
    def begin(self, seed: int, link: Link, size: int) -> None:
        self.realm = Realm("abcde"[:size], seed, link)
        self.realm.clock.advance(5)

    def known(self, host: str) -> str:
        return self.realm.hosts[ord(host) % len(self.realm.hosts)]

    @rule(time=seconds)
    def advance(self, time: float) -> None:
        self.realm.clock.advance(time)

    @rule(host=hosts, number=st.integers(0, 3), owner=st.sampled_from(["x", "y"]))
    def claim(self, host: str, number: int, owner: str) -> None:
        self.realm.ask(self.known(host), "claim", {"name": f"n{number}", "owner": owner})

    @rule(host=hosts, number=st.integers(0, 1), value=st.integers(0, 5))
    def set_one(self, host: str, number: int, value: int) -> None:
        self.realm.ask(self.known(host), "set", {"key": f"k{number}", "value": value})

    @rule(host=hosts)
    def work(self, host: str) -> None:
        realm, host = self.realm, self.known(host)
        realm.ask(host, "put", {"id": f"i{realm.numbers}", "what": realm.numbers})

    @rule(host=hosts, number=st.integers(0, 10), kind=st.sampled_from(["assign", "done"]))
    def work_on(self, host: str, number: int, kind: str) -> None:
        told: dict[str, Any] = {"id": f"i{number}", "to": host, "by": host, "attempt": 1}
        self.realm.ask(self.known(host), kind, {**told, "clock": self.realm.now})

    @rule(host=hosts, goal=hosts)
    def refocus(self, host: str, goal: str) -> None:
        self.realm.ask(self.known(host), "focus", {"host": self.known(goal)})

    @rule(part=st.sets(hosts, min_size=1, max_size=4))
    def split(self, part: set[str]) -> None:
        self.realm.network.split(sorted(part))

    @rule()
    def split_off_master(self) -> None:
        if self.realm.masters:
            self.realm.network.split([min(self.realm.masters)])

    @rule(source=hosts, goal=hosts)
    def cut_one_way(self, source: str, goal: str) -> None:
        self.realm.cut(self.known(source), self.known(goal))

    @rule()
    def heal(self) -> None:
        self.realm.heal()

    @rule(host=hosts, disk=st.sampled_from([True, True, True, False]))
    def crash(self, host: str, disk: bool) -> None:
        self.realm.crash(self.known(host), disk=disk)

    @rule(host=hosts, commands=st.integers(0, 30))
    def crash_soon(self, host: str, commands: int) -> None:
        self.realm.fuses[self.known(host)] = commands

    @rule(commands=st.integers(0, 12))
    def crash_master_soon(self, commands: int) -> None:
        for host in self.realm.masters:
            self.realm.fuses[host] = commands

    @rule(host=hosts)
    def start(self, host: str) -> None:
        self.realm.start(self.known(host))

    @rule(host=hosts)
    def stop(self, host: str) -> None:
        self.realm.stop(self.known(host))

    @rule()
    def stop_master(self) -> None:
        for host in self.realm.masters:
            self.realm.stop(host)

    @rule(host=hosts)
    def go_on(self, host: str) -> None:
        self.realm.go_on(self.known(host))

    @rule(observer=hosts, other=hosts)
    def suspect_wrongly(self, observer: str, other: str) -> None:
        observer, other = self.known(observer), self.known(other)
        if observer != other:
            self.realm.tell(observer, other, up=False)

    @rule(host=hosts, offset=st.sampled_from([-3600.0, 0.0, 3600.0]))
    def jump(self, host: str, offset: float) -> None:
        self.realm.offsets[self.known(host)] = offset

    @invariant()
    def fenced(self) -> None:
        if hasattr(self, "realm"):
            self.realm.check_fenced()

    def teardown(self) -> None:
        if hasattr(self, "realm"):
            self.realm.quiet()
            self.realm.check_agreed()
            self.realm.check_requests()
            self.realm.check_fenced()


TestTrouble = pytest.mark.timeout(PATIENT)(Trouble.TestCase)
TestTrouble.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


refocuses = st.lists(st.tuples(st.floats(0, 20), hosts), min_size=1, max_size=8)
asks = st.lists(st.tuples(st.floats(0, 20), hosts), min_size=1, max_size=20)


@pytest.mark.timeout(PATIENT)
@settings(max_examples=EXAMPLES // 4, deadline=None)
@given(st.integers(0, 2**32), links, refocuses, asks)
def test_requests_in_flight_during_refocuses_are_answered_once(
    seed: int, link: Link, refocuses: list[tuple[float, str]], asks: list[tuple[float, str]]
) -> None:
    realm = Realm("abcde", seed, link)
    realm.clock.advance(5)
    for when, host in refocuses:
        body = {"host": host}
        realm.clock.call_later(when, partial(realm.ask, host, "focus", body, patience=60))
    for number, (when, host) in enumerate(asks):
        body = {"id": f"i{number}"}
        realm.clock.call_later(when, partial(realm.ask, host, "put", body, patience=60))
    realm.clock.advance(25)
    realm.quiet()
    realm.check_agreed()
    realm.check_requests()
    assert len(realm.outcomes) == len(refocuses) + len(asks)
    for outcomes in realm.outcomes.values():
        [outcome] = outcomes
        assert isinstance(outcome, m.Answered)
        value = outcome.answer.value
        assert outcome.answer.granted or "focus" in value or "master" in value or "time" in value


# -- one thing at a time


def realm(hosts: str = "abcd") -> Realm:
    """Hosts with a master; a is on battery, so it is b's turn first."""
    made = Realm(hosts, 0)
    made.clock.advance(8)
    assert list(made.masters) == ["b"]
    return made


def acting_within(realm: Realm, seconds: float, *, but: str) -> str:
    """The host that acts in place of another."""
    realm.clock.run_until(lambda: bool(realm.masters.keys() - {but}), within=seconds)
    [host] = realm.masters.keys() - {but}
    return host


def answer_of(realm: Realm, request: str) -> m.Answer:
    realm.clock.run_until(lambda: bool(realm.outcomes[request]), within=30)
    [outcome] = realm.outcomes[request]
    assert isinstance(outcome, m.Answered)
    return outcome.answer


def asked(realm: Realm, host: str, kind: str, **body: Any) -> m.Answer:
    return answer_of(realm, realm.ask(host, kind, body))


def test_after_a_crash_another_acts_within_ten_seconds_and_knows_everything() -> None:
    world = realm()
    assert asked(world, "d", "put", id="i").copies > 1
    world.crash("b")
    new = acting_within(world, 10, but="b")
    assert new == "c"
    assert asked(world, "d", "assign", id="i", to="a").granted
    world.quiet()
    world.check_agreed()


def test_a_stopped_master_is_replaced_and_does_nothing_when_it_wakes() -> None:
    world = realm()
    world.stop("b")
    new = acting_within(world, 10, but="b")
    world.go_on("b")
    assert world.masters.keys() == {new}
    world.network.carry("b", "d", Order(Epoch(1, "b")))
    world.clock.advance(3)
    assert world.masters.keys() == {new}
    assert world.effects["d"][-1].host == new


def test_a_master_that_slept_alone_goes_on() -> None:
    world = Realm("b", 0)
    world.clock.advance(5)
    world.stop("b")
    world.clock.advance(3600)
    world.go_on("b")
    assert world.masters == {}
    world.clock.advance(4)
    assert world.masters == {"b": Epoch(1, "b")}


def test_a_false_alarm_is_denied_by_a_witness() -> None:
    world = realm()
    for observer in "cd":
        world.tell(observer, "b", up=False)
    world.clock.advance(10)
    assert world.masters == {"b": Epoch(1, "b")}


def test_the_users_list_decides_who_is_next() -> None:
    world = realm()
    assert asked(world, "c", "succession", hosts=["d", "b"]).granted
    world.clock.advance(3)
    world.crash("b")
    assert acting_within(world, 10, but="b") == "d"


def test_a_host_that_does_not_act_is_passed_over() -> None:
    world = realm()
    world.cut("c", "a")  # the next in line cannot hear who finds out
    world.cut("c", "d")
    world.crash("b")
    world.clock.advance(15)
    assert world.masters.keys() - {"c"}


def test_alone_an_answer_says_one_copy_and_is_kept_through_a_heal() -> None:
    world = realm("ab")
    world.network.split(["a"])
    world.clock.advance(10)
    assert world.masters.keys() == {"a", "b"}
    for host in "ab":
        answer = asked(world, host, "claim", name="printer", owner=host)
        assert (answer.granted, answer.copies) == (True, 1)
    world.quiet()
    world.check_agreed()
    world.check_requests()
    [epoch] = world.acting()
    state = world.processes[epoch.host].seat.journal.state
    assert len(state.values("names", "printer")) == 2
    [split] = splits(state)
    assert split["doubles"] == [["names", "printer"]]


def splits(state: State) -> list[dict[str, Any]]:
    return [value for key in state.keys("splits") for value in state.values("splits", key).values()]


writes = st.lists(st.tuples(st.booleans(), hosts, st.floats(0, 2)), min_size=1, max_size=12)


@pytest.mark.timeout(PATIENT)
@settings(max_examples=EXAMPLES, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    link=links,
    part=st.sets(hosts, min_size=1, max_size=4),
    asked=writes,
    handed=st.lists(hosts, max_size=2),
    more=writes,
)
def test_one_cut_is_told_once_in_whatever_order_its_hosts_come_back(
    seed: int,
    link: Link,
    part: set[str],
    asked: list[tuple[bool, str, float]],
    handed: list[str],
    more: list[tuple[bool, str, float]],
) -> None:
    world = Realm("abcde", seed, link)
    sides = [sorted(part), sorted(set("abcde") - part)]
    world.clock.advance(20)
    world.network.split(sides[0])
    world.clock.advance(20)
    taken: list[set[str]] = [set(), set()]
    for number, (side, host, pause) in enumerate([*asked, *more]):
        if number == len(asked):
            for goal in handed:  # a side is one whoever is master in it
                at = sides[goal in part]
                world.ask(at[0], "focus", {"host": goal})
            world.clock.advance(8)
        at, key = sides[side], f"k{number}"
        world.ask(at[ord(host) % len(at)], "set", {"key": key, "value": number})
        taken[side].add(key)
        world.clock.advance(pause)
    # What nobody on a side was told of may be done on the other one: let that be over.
    world.clock.advance(25)
    world.quiet()
    world.check_agreed()
    state = world.processes[world.acting()[0].host].seat.journal.state
    told, sides_since = splits(state), takeovers(state, since=20)
    # A bad link can cut a side once more: a takeover that is not for this cut begins another side.
    assert len(told) <= sides_since
    if sides_since == 1:
        assert told or not all(taken)
        for split in told:
            theirs = {key for table, key, _ in split["theirs"]["first"]}
            assert theirs in taken
            assert split["theirs"]["count"] == len(theirs)


def takeovers(state: State, since: float) -> int:
    rows = [row for key in state.keys("masters") for row in state.values("masters", key).values()]
    return sum(not row["planned"] and row["since"] >= since for row in rows)


def test_a_target_that_is_lost_leaves_the_focus_where_it_is() -> None:
    world = realm()
    world.stop("c")
    request = world.ask("d", "focus", {"host": "c"})
    parked = world.ask("d", "put", {"id": "i"})
    assert answer_of(world, parked).granted
    answer = answer_of(world, request)
    assert not answer.granted
    assert "did not keep up in time" in answer.value or "not in reach" in answer.value
    assert world.masters == {"b": Epoch(1, "b")}


def test_the_first_in_line_can_be_asked_for_without_a_name() -> None:
    world = realm()
    assert asked(world, "a", SUCCESSION, hosts=["d"]).granted
    assert answer_of(world, world.ask("b", "focus", {"host": ANY})).granted
    assert world.masters == {"d": Epoch(2, "d")}
    for host in "abc":
        world.crash(host)
    world.clock.advance(20)
    answer = answer_of(world, world.ask("d", "focus", {"host": ANY}))
    assert (answer.granted, "not in reach" in answer.value) == (False, True)


def test_hosts_that_are_no_successors_know_the_records_a_little_later() -> None:
    world = Realm("abcdefgh", 1, Link())
    world.clock.advance(10)
    assert asked(world, "a", "set", key="k", value=1).granted
    world.clock.advance(3)
    for process in world.processes.values():
        assert process.seat.journal.state.keys("settings") == ["k"]


def test_a_grant_that_is_lost_with_its_master_is_made_up_for() -> None:
    world = realm()
    world.ask("b", "focus", {"host": "c"})
    world.clock.run_until(lambda: world.disks["b"].epoch == Epoch(2, "c"), within=5)
    world.crash("b")
    world.clock.advance(20)
    assert len(world.masters) == 1
    assert asked(world, "a", "put", id="i").granted


def test_too_many_requests_are_given_up_at_once() -> None:
    world = realm()
    world.processes["a"].seat.timing = Timing(asked=1)
    world.network.split(["a"])
    world.ask("a", "put", {"id": "i1"})
    request = world.ask("a", "put", {"id": "i2"})
    [outcome] = world.outcomes[request]
    assert isinstance(outcome, m.GaveUp)
    assert "try again later" in outcome.why


def test_a_master_that_was_stopped_writes_nothing_before_it_has_heard_from_another() -> None:
    world = realm()
    world.stop("b")
    acting_within(world, 10, but="b")
    end = world.disks["b"].journal().end
    ask = m.Ask("late", "put", {"id": "i"}, Epoch(1, "b"))
    world.processes["b"].waiting = [m.Arrived("d", ask)]
    world.network.split(["b"])  # what it was told meanwhile is lost
    world.go_on("b")
    world.clock.advance(2)
    assert world.disks["b"].journal().end == end
    assert "b" not in world.masters
    world.quiet()
    world.check_agreed()


def test_an_old_copy_of_the_whole_takes_nothing_back() -> None:
    world = realm()
    old = m.Install(Epoch(1, "b"), world.processes["b"].seat.journal.snapshot())
    asked(world, "a", "put", id="i")
    end = world.processes["b"].seat.journal.end
    world.clock.advance(2)
    world.network.nodes["c"].step(m.Arrived("b", old))
    assert world.disks["c"].journal().end == end


def test_what_is_said_late_of_a_follower_takes_nothing_back() -> None:
    world = realm()
    reign = world.processes["b"].machine._reign
    assert reign is not None
    old = world.processes["c"].seat.heard(1)
    asked(world, "a", "put", id="i")
    world.clock.advance(2)
    seq = world.processes["b"].seat.journal.end[0]
    world.network.nodes["b"].step(m.Arrived("c", old))
    assert reign._followers.known("c")[0] == seq


def test_two_masters_that_meet_are_one_within_five_seconds() -> None:
    world = realm("abcde")
    world.network.split(["d", "e"])
    world.clock.advance(15)
    assert len(world.masters) == 2
    low, high = sorted(world.masters.values())
    world.cut(low.host, high.host)  # the parts overlap: the masters themselves do not meet
    world.cut(high.host, low.host)
    world.network.heal()
    met = [host for host in world.hosts if host != low.host]
    for observer in met:
        world.tell(observer, low.host, up=observer != high.host)
    for other in met:
        world.tell(low.host, other, up=other != high.host)
    world.clock.advance(5)
    assert len(world.masters) == 1
    stays = dict(world.masters)
    world.clock.advance(30)
    assert world.masters == stays


def test_a_master_holds_so_many_requests_and_drops_the_rest_for_their_clients_to_repeat() -> None:
    world = realm()
    seat = world.processes["b"].seat
    seat.timing = Timing(parked=2)
    world.network.split(["b"])  # nobody has a copy, and membership has not noticed
    for number in range(3):
        ask = m.Ask(f"x{number}", "put", {"id": f"i{number}"}, Epoch(1, "b"))
        world.network.nodes["b"].step(m.Arrived("d", ask))
    assert world.processes["b"].machine.dropped == 1
    assert seat.journal.answer("x2") is None


def test_what_a_target_has_said_before_does_not_count_for_a_refocus() -> None:
    world = realm()
    world.clock.advance(2)  # all have all of the journal
    world.stop("c")
    world.ask("d", "focus", {"host": "c"})
    world.clock.advance(2)
    assert world.disks["b"].epoch == Epoch(1, "b")
