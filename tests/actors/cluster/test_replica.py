from __future__ import annotations

import random
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.cluster import taking
from simulacra.actors.cluster.ed25519 import is_signed
from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Dot, Epoch, Fact, Form, Key, Origin
from simulacra.actors.cluster.origins import Log, Part
from simulacra.actors.cluster.outcomes import Outcome
from simulacra.actors.cluster.replica import Replica
from tests.actors.cluster.replicas import (
    HOUR,
    KEEP,
    MINUTE,
    NETWORK,
    NOW,
    OWNER,
    Known,
    delete,
    over_the_wire,
    pull,
    replica,
    replicas,
    say,
    shown,
    signer,
)
from tests.support import examples

EXAMPLES = examples(40, many=300)
WEB = Key("service", "", "web")


# -- a world of replicas


class World:
    """Replicas on a network that loses, doubles and reorders; disks; clocks that are wrong."""

    hosts = "abcd"
    keys = (WEB, Key("service", "", "db"), Key("name", "", "job"))

    def __init__(self) -> None:
        self.trust = Known(self.hosts)
        self.replicas = [replica(host, self.trust) for host in self.hosts]
        self.disks: list[list[Log]] = [[] for _ in self.hosts]
        self.wrong = [0] * len(self.hosts)
        self.now = NOW
        self.under_way: list[tuple[int, list[Part]]] = []
        self.said: dict[Origin, dict[int, Fact]] = {}
        self.deleted: list[tuple[Dot, set[Dot]]] = []

    def wall(self, at: int) -> int:
        return self.now + self.wrong[at]

    # what may happen

    def say(self, at: int, which: int, value: int) -> None:
        key = [*self.keys, Key("host", self.hosts[at], "cores")][which]
        told = {"host": self.hosts[at], "value": value}
        self.after(at, say(self.replicas[at], key, told, self.wall(at)))

    def delete(self, at: int, which: int, _: int) -> None:
        key = [*self.keys, Key("host", self.hosts[at], "cores")][which]
        before = self.replicas[at].counting.get(key)
        outcome = delete(self.replicas[at], key, self.wall(at))
        for fact in outcome.facts:
            assert before is not None
            self.deleted.append((fact.dot, {before.dot, *fact.deletes}))
        self.after(at, outcome)

    def pass_on(self, which: int, copies: int, _: int) -> None:
        """Deliver something that is under way: never, once or twice."""
        if self.under_way:
            at, parts = self.under_way.pop(which * 7 % len(self.under_way))
            for _ in range(copies % 3):
                self.after(at, self.replicas[at].merge(over_the_wire(parts), self.wall(at)))

    def compare(self, at: int, other: int, _: int) -> None:
        """One tells the other what it lacks; it may get lost, or come much later."""
        here, there = self.replicas[at], self.replicas[other % len(self.hosts)]
        self.under_way.append((at, list(there.logs.parts_for(here.logs.marks(there.logs.vector)))))

    def withdraw(self, at: int, *_: int) -> None:
        self.after(at, self.replicas[at].withdraw(self.wall(at)))

    def tidy(self, at: int, *_: int) -> None:
        self.replicas[at].tidy(self.wall(at))
        self.check(at)

    def pass_time(self, minutes: int, *_: int) -> None:
        self.now += minutes * 2 * MINUTE

    def put_clock(self, at: int, by: int, _: int) -> None:
        self.wrong[at] = (by - 1) * HOUR

    def back_up(self, at: int, *_: int) -> None:
        logs = self.replicas[at].logs.vector
        whole = {origin: Log(origin) for origin in logs}
        for part in self.replicas[at].logs.parts_for({origin: Log(origin).mark for origin in logs}):
            whole[part.origin].take(part)
        self.disks[at] = list(whole.values())

    def crash(self, at: int, is_disk_kept: int, _: int) -> None:
        """Begin anew with what was backed up, or with nothing."""
        logs = self.disks[at] if is_disk_kept else []
        self.disks[at] = []
        self.replicas[at] = replica(self.hosts[at], self.trust, logs, self.wall(at))
        self.check(at)

    def forge(self, at: int, other: int, value: int) -> None:
        """Say something in another's name."""
        there = self.replicas[other].origin
        n = self.replicas[at].logs.vector.get(there, (0, 0))[0] + value + 1
        fact = Fact(there, n, WEB, Form.VALUE, "666", Epoch(0, ""), (self.now, 0))  # type: ignore[arg-type]
        signed = fact.signed(NETWORK, lambda text: bytes.fromhex(signer("evil").sign(text)))
        vector = dict(self.replicas[at].logs.vector)
        outcome = self.replicas[at].merge([Part(there, n - 1, 0, (signed,))], self.wall(at))
        assert not outcome.facts
        assert self.replicas[at].logs.vector == vector

    def speak_out_of_turn(self, at: int, *_: int) -> None:
        """Say something that a host may not say, with changed software."""
        here = self.replicas[at]
        with mock.patch.object(Replica, "_check_own"):
            outcome = say(here, Key("setting", "", "x"), 666, self.wall(at))
        assert len(outcome.unauthorised) == len(outcome.facts)
        self.after(at, outcome)

    # what has to hold

    def after(self, at: int, outcome: Outcome) -> None:
        for part in outcome.news:
            for fact in part.facts:
                self.said.setdefault(fact.origin, {})[fact.n] = fact
        for other in range(len(self.hosts)):
            if outcome.news and other != at:
                self.under_way.append((other, outcome.news))
        self.check(at)

    def check(self, at: int) -> None:
        """A replica that is at n of a log holds the values that this log has at n."""
        for log in self.replicas[at].logs:
            latest: dict[Key, Fact] = {}
            for n, fact in sorted(self.said.get(log.origin, {}).items()):
                if n <= log.n:
                    latest[fact.key] = fact
            expected = {key: fact for key, fact in latest.items() if fact.is_value}
            assert {fact.key: fact for fact in log if fact.is_value} == expected

    def settle(self) -> None:
        """All compare with all until nobody learns anything."""
        for _ in range(20):
            for at in range(len(self.hosts)):
                self.withdraw(at)
                for there in self.replicas:
                    self.after(at, pull(self.replicas[at], there, self.wall(at)))
            if len({here.logs.digest for here in self.replicas}) == 1:
                return
        raise AssertionError("they never came to agree")

    def put_clocks_right(self) -> None:
        for at, here in enumerate(self.replicas):
            self.wrong[at] = 0
            here.recount(self.now)

    def agree(self) -> None:
        for here in self.replicas:
            assert here.logs.vector == self.replicas[0].logs.vector
            assert here.counting == self.replicas[0].counting
            assert 666 not in shown(here).values()
            dots = {fact.dot for fact in here.counting.values()}
            for (origin, n), of in self.deleted:
                known = here.logs.vector.get(origin)
                assert known is None or known.n < n or not dots & of


EVENTS = (
    [World.say] * 5
    + [World.pass_on] * 8
    + [World.delete, World.compare] * 3
    + [World.withdraw, World.tidy, World.pass_time, World.put_clock, World.back_up]
    + [World.crash, World.forge, World.speak_out_of_turn]
)
event = st.tuples(st.sampled_from(EVENTS), *[st.integers(0, 3)] * 2, st.integers(0, 2))


@pytest.fixture(autouse=True, scope="module")
def verify_once() -> Any:
    """Signatures are real; a fact that was verified by one replica here is not again by another."""
    known: dict[tuple[str, bytes, str], bool] = {}

    def verify(*args: Any) -> bool:
        if args not in known:
            known[args] = is_signed(*args)
        return known[args]

    with mock.patch.object(taking, "is_signed", verify):
        yield


@settings(max_examples=EXAMPLES)
@given(st.lists(event, min_size=20, max_size=80))
def test_replicas_agree_after_quiet_and_nothing_that_was_deleted_returns(events: Any) -> None:
    world = World()
    for happens, *numbers in events:
        happens(world, *numbers)
    world.settle()
    world.put_clocks_right()  # by a wrong one a deletion may be old that is young
    world.settle()
    world.agree()
    world.now += KEEP + 2 * HOUR
    for here in world.replicas:
        here.tidy(world.now)
    world.agree()
    for at in (3, 0):
        world.say(at, 0, at)  # whoever is last counts, whatever the clocks were
        world.settle()
        assert all(shown(here)[WEB] == {"host": "abcd"[at], "value": at} for here in world.replicas)


@settings(max_examples=50)
@given(st.randoms(use_true_random=False))
def test_parts_may_come_in_any_order(chance: random.Random) -> None:
    a, b, c, d = replicas("abcd")
    parts = []
    for number in range(12):
        here = chance.choice([a, b])
        parts += say(here, Key("service", "", str(number % 3)), number, NOW + number).news
    for there in (c, d):
        waiting = parts * 2
        chance.shuffle(waiting)
        while waiting:  # what has a gap before it is told again
            part = waiting.pop()
            if there.merge([part], NOW).gaps:
                waiting.insert(0, part)
    assert c.logs.digest == d.logs.digest
    assert shown(c) == shown(d) != {}


# -- one by one


def test_what_is_said_again_needs_no_fact() -> None:
    [a] = replicas("a")
    assert say(a, WEB, 1).facts
    assert not say(a, WEB, 1).facts
    assert delete(a, WEB).facts
    assert not delete(a, WEB).facts
    assert shown(a) == {}


def test_a_change_is_told_with_what_counted_before() -> None:
    a, b = replicas("ab")
    [first] = say(a, WEB, 1).changes
    assert (first.before, first.after) == (None, a.counting[WEB])
    pull(b, a)
    [second] = say(b, WEB, 2).changes
    [same] = pull(a, b).changes
    assert second == same
    assert same.before == first.after


def test_a_clock_an_hour_ahead_is_reported_and_can_be_answered() -> None:
    a, b, c = replicas("abc")
    say(a, WEB, "fast", NOW + HOUR)
    assert pull(b, a).ahead == {"a"}
    said = say(b, WEB, "sane", NOW)
    assert not pull(c, b).ahead - {"a", "b"}
    pull(a, b, NOW + HOUR)
    assert shown(a) == shown(b) == {WEB: "sane"}
    assert said.facts[0].stamp.ms == NOW + HOUR
    other = say(b, Key("service", "", "db"), 1, NOW).facts[0]
    assert other.stamp.ms < NOW + MINUTE  # its clock is not drawn along


def test_who_is_behind_what_was_dropped_gets_the_whole() -> None:
    a, b, c = replicas("abc")
    say(a, WEB, 1)
    pull(c, a)
    delete(a, WEB)
    say(a, Key("service", "", "db"), 2)
    pull(b, a)
    b.tidy(NOW + KEEP + MINUTE)
    say(a, Key("service", "", "mail"), 3)
    pull(b, a)
    [part] = b.logs.parts_for(c.logs.vector)
    assert (part.since, len(part.facts)) == (0, 2)
    assert pull(c, b).removed
    assert c.logs.vector == b.logs.vector
    assert c.counting == b.counting


def test_an_old_deletion_stays_while_what_it_names_is_there() -> None:
    a, b = replicas("ab")
    say(a, WEB, 1)
    pull(b, a)
    delete(b, WEB)
    say(b, Key("service", "", "db"), 1)
    late = NOW + KEEP + MINUTE
    assert not b.tidy(late).removed
    assert WEB not in b.counting
    pull(a, b)
    assert [fact.form for fact in a.withdraw(NOW).facts] == [Form.GONE]
    pull(b, a)
    assert [fact.form for fact in b.tidy(late).removed] == [Form.DELETED]
    assert WEB not in b.counting
    assert b.logs.digest == a.logs.digest


def test_a_gap_is_reported_and_nothing_taken() -> None:
    a, b = replicas("ab")
    say(a, WEB, 1)
    second = say(a, WEB, 2).news
    outcome = b.merge(second, NOW)
    assert outcome.gaps == [a.origin]
    assert not b.logs.vector


def test_an_unknown_kind_is_kept_and_passed_on_and_not_shown() -> None:
    trust = Known("abc")
    a, b, c = replicas("abc", trust)
    newer = Key("newer", "", "x")
    with mock.patch.object(Replica, "_check_own"):
        say(a, newer, 1)
    pull(b, a)
    pull(c, b)
    assert c.logs.vector == a.logs.vector
    assert not c.counting
    with pytest.raises(FactError, match="no facts are of kind 'newer': there are"):
        say(c, newer, 1)


def test_who_was_expelled_does_not_count_any_more() -> None:
    trust = Known("ab")
    a, b = replicas("ab", trust)
    say(a, WEB, 1)
    pull(b, a)
    trust.expelled.add("a")
    [change] = b.recount(NOW).changes
    assert change.after is None
    assert not b.counting


def test_who_was_never_let_in_is_refused_by_name() -> None:
    a, b = replicas("a")[0], replicas("b", Known("b"))[0]
    say(a, WEB, 1)
    [reason] = pull(b, a).refused
    assert reason.startswith("a was never let in")
    assert not b.logs.vector


def test_one_wrong_signature_and_nothing_of_the_part_is_taken() -> None:
    a, b = replicas("ab")
    say(a, WEB, 1)
    [fact] = say(a, Key("service", "", "db"), 2).facts
    good = next(iter(a.logs.parts_for({a.origin: b.logs.of(a.origin).mark})))
    signed = fact.signed("another network", lambda text: bytes.fromhex(signer("a").sign(text)))
    [reason] = b.merge([Part(a.origin, 0, 0, (good.facts[0], signed))], NOW).refused
    assert reason == "the signature of a under ('service', '', 'db') is wrong"
    assert not b.logs.vector
    assert b.merge([good], NOW).facts


def test_a_setting_needs_an_owner_or_the_master() -> None:
    a, b = replicas("ab")
    key = Key("setting", "", "dns")
    with pytest.raises(FactError, match="only an owner may, or the master"):
        say(a, key, 1)
    a.say(key, Form.VALUE, "1", NOW, owner=OWNER)
    pull(b, a)
    assert shown(b) == {key: 1}
    b.say(key, Form.VALUE, "2", NOW, epoch=Epoch(3, "b"))
    assert shown(b) == {key: 2}
    with pytest.raises(FactError, match=r"b holds .* under the later epoch 3"):
        b.say(key, Form.VALUE, "3", NOW, owner=OWNER)


def test_an_endorsement_that_is_forged_is_refused() -> None:
    a, b = replicas("ab")
    [fact] = a.say(Key("setting", "", "dns"), Form.VALUE, "1", NOW, owner=OWNER).facts
    forged = fact.signed(
        NETWORK,
        lambda text: bytes.fromhex(signer("a").sign(text)),
        (OWNER.key, lambda text: bytes.fromhex(signer("a").sign(text))),
    )
    assert b.merge([Part(a.origin, 0, 0, (forged,))], NOW).refused


def test_who_says_too_much_is_told_so() -> None:
    [a] = replicas("a")
    with mock.patch("simulacra.actors.cluster.replica.FACTS_LIMIT", 3):
        for number in range(3):
            say(a, Key("service", "", str(number)), number)
        with pytest.raises(FactError, match="a has said 3 facts"):
            say(a, WEB, 1)


def test_a_host_that_was_put_back_goes_on_in_a_new_life_and_all_agree() -> None:
    trust = Known("ab")
    a, b = replicas("ab", trust)
    say(a, WEB, 1)
    pull(b, a)
    old = Log(a.origin, [fact for log in a.logs for fact in log])
    say(a, WEB, 2)
    say(a, WEB, 3)
    pull(b, a)
    again = replica("a", trust, [old])
    again.origin = a.origin  # it does not know
    say(again, Key("service", "", "db"), 4)
    pull(b, again)
    pull(again, b)
    say(again, Key("service", "", "mail"), 5)
    assert again.origin.life != a.origin.life
    pull(b, again)
    pull(again, b)
    assert b.logs.vector == again.logs.vector
    assert [*sorted(shown(b).values(), key=str)] == [3, 4, 5]
    assert shown(b) == shown(again)
