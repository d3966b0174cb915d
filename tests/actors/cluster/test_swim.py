"""What one host decides, and what few hosts come to hold; test_swim_world.py has the rest."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from simulacra.actors.cluster import packets as p
from simulacra.actors.cluster.members import News, State
from simulacra.actors.cluster.swim import Swim
from simulacra.actors.cluster.swim_events import (
    Arrived,
    Declare,
    Lost,
    Met,
    Near,
    Review,
    Tick,
    Watch,
    WriteOff,
)
from simulacra.actors.cluster.swim_settings import Settings
from simulacra.actors.cluster.view import Changed, Contested, Remember
from simulacra.testing import Link
from tests.actors.cluster.swimmers import LAN, World, packets_of, record


def settled(count: int, **options: object) -> World:
    world = World(count, **options)  # type: ignore[arg-type]
    world.settle()
    world.clock.advance(3)
    return world


def states(world: World, of: str) -> set[State]:
    return {world.view(viewer)[of] for viewer in world.lookers() if viewer != of}


@pytest.mark.parametrize("count", [2, 3, 5, 20])
def test_a_loss_is_found_within_five_seconds(count: int) -> None:
    world = settled(count)
    for host in world.names[1:4]:
        world.crash(host)
        world.settle(within=5)


def test_all_is_learned_from_one_host_however_many_there_are() -> None:
    world = World(2, meet=False)
    seed = world.hosts["h0"].swim
    for number in range(1500):
        seed.view.hear(News(record(f"n{number}", 0, State.LEFT)), "", 0.0)
    world.meet("h1", "h0")
    world.clock.run_until(lambda: len(world.view("h1")) == 1502, within=5)


def test_who_was_stopped_accuses_nobody_and_contradicts() -> None:
    world = settled(4)
    world.stop("h1")
    world.clock.advance(20)
    assert states(world, "h1") == {State.DOWN}
    before = len(world.changes)
    world.go_on("h1")
    world.settle(within=2)
    world.clock.advance(10)
    assert {change.host for _, _, change in world.changes[before:]} == {"h1"}
    assert world.hosts["h1"].swim.pauses == 1


def test_one_that_is_slow_again_and_again_is_not_held_to_be_down() -> None:
    world = settled(5)
    for _ in range(20):
        world.stop("h1")
        world.clock.advance(1.8)
        world.go_on("h1")
        world.clock.advance(4.2)
    assert world.falls("h1") == []
    suspected = {at for at, _, change in world.changes if change.new is State.SUSPECT}
    assert len({round(at) for at in suspected}) <= 8  # patience grows


@pytest.mark.parametrize("how", ["deafen", "silence"])
def test_one_way_loss_of_a_host_takes_down_that_host_alone(how: str) -> None:
    world = settled(6)
    getattr(world, how)("h3")
    world.clock.advance(30)
    assert states(world, "h3") == {State.DOWN}
    others = [name for name in world.names if name != "h3"]
    for one in others:
        assert {world.view(one)[other] for other in others} == {State.UP}
    fallen = {c.host for _, by, c in world.changes if c.new is State.DOWN and by != "h3"}
    assert fallen == {"h3"}
    world.mend()
    world.settle(within=10)


def test_a_link_that_fails_one_way_between_two_hosts_harms_neither() -> None:
    world = settled(5)
    world.network.connect("h1", "h2", Link(loss=1.0))
    world.clock.advance(60)
    assert [c for _, _, c in world.changes if c.new in (State.SUSPECT, State.DOWN)] == []


def test_hosts_that_are_watched_are_probed_by_the_watcher_too() -> None:
    world = settled(30)
    probed = world.hosts["h0"].swim._probes.targets
    far = next(name for name in world.names[1:] if name not in probed)
    world.network.nodes["h0"].step(Watch((far, "h0", "nobody")))
    assert set(world.hosts["h0"].swim._probes.targets) >= {far}
    assert "h0" not in world.hosts["h0"].swim._probes.targets
    world.network.nodes["h0"].step(Watch(()))
    assert far not in world.hosts["h0"].swim._probes.targets


def test_a_host_says_whom_it_has_to_be_connected_to() -> None:
    swim = machine("a")
    hosts = [record(f"h{number}", 1) for number in range(30)]
    told = [each for each in tell(swim, *map(News, hosts), sender="h0") if isinstance(each, Near)]
    rings = swim.view.rings
    assert told[-1].hosts == {*rings.after("a"), *rings.before("a")}
    assert 3 <= len(told[-1].hosts) <= 6


def test_a_lost_connection_is_a_reason_to_ask_at_once() -> None:
    swim = machine("a")
    tell(swim, News(record("b")))
    due = swim.deadline()
    assert due is not None
    sent = packets_of(swim.step(Lost("b"), 0.0))
    assert [host for host, packet in sent if isinstance(packet, p.Ping)] == ["b"]


def test_who_is_gone_is_forgotten_after_a_while_by_all() -> None:
    world = settled(4, settings=Settings(forget=30.0))
    world.crash("h3")
    world.settle(within=5)
    world.clock.advance(60)
    assert all("h3" not in world.view(name) for name in ("h0", "h1", "h2"))
    assert world.changes[-1][2] == Changed("h3", State.DOWN, None, "forgotten")
    before = len(world.changes)
    world.clock.advance(60)
    assert len(world.changes) == before


def test_who_is_written_off_counts_as_left_until_it_speaks_for_itself() -> None:
    world = settled(3)
    world.crash("h2")
    world.settle(within=5)
    world.network.nodes["h0"].step(WriteOff("h2"))
    world.network.nodes["h0"].step(WriteOff("nobody"))
    world.clock.advance(1)
    assert states(world, "h2") == {State.LEFT}
    world.start("h2")
    world.settle(within=5)
    assert states(world, "h2") == {State.UP}


# -- one machine


def machine(host: str, **options: object) -> Swim:
    return Swim(record(host), random=Random(1), **options)  # type: ignore[arg-type]


def tell(swim: Swim, *news: News, sender: str = "b", now: float = 0.0) -> list[object]:
    """A member that is up tells news."""
    told = [News(record(sender)).tell(), *(each.tell() for each in news)]
    return list(swim.step(Arrived(p.Gossip(sender, 0, told)), now))


def test_an_answer_answers_what_was_asked_and_lost_before() -> None:
    swim = machine("a", settings=Settings(answer=3.0))  # several probes are under way at a time
    tell(swim, News(record("b")))
    pings: list[p.Ping] = []
    at = 0.0
    while len(pings) < 3:
        at = swim.deadline() or at
        sent = packets_of(swim.step(Tick(), at))
        pings += [packet for _, packet in sent if isinstance(packet, p.Ping)]
    swim.step(Arrived(p.Ack("b", 0, pings[1].n, [])), at)
    suspected: list[float] = []
    while not suspected:
        due = swim.deadline() or at
        commands = swim.step(Tick(), due)
        suspected += [due for c in commands if isinstance(c, Changed) and c.new is State.SUSPECT]
    assert suspected[0] >= at + 3.0 + swim.settings.helped  # by the third, not by the first


def test_what_is_wrong_of_itself_is_contradicted_and_the_number_is_to_be_kept() -> None:
    swim = machine("a")
    commands = tell(swim, News(record("a", 4, State.DOWN), by="b"))
    assert Remember(5) in commands
    assert swim.me == record("a", 5)
    assert Remember(6) not in tell(swim, News(record("a", 4, State.DOWN), by="b"))


def test_a_stranger_is_asked_who_it_is_and_not_believed() -> None:
    swim = machine("a")
    ping = p.Ping("x", 0, 7, 0, [News(record("y")).tell()])
    sent = packets_of(swim.step(Arrived(ping), 0.0))
    assert ("x", p.Verdict("a", 0, None)) in sent
    assert ("x", p.Ack("a", 0, 7, [News(record("a")).tell()])) in sent
    assert [member.host for member in swim.members()] == ["a"]


def test_who_is_held_to_be_down_is_believed_of_itself_only() -> None:
    swim = machine("a")
    tell(swim, News(record("c")))
    tell(swim, News(record("b", 0, State.DOWN), by="c"), sender="c")
    tell(swim, News(record("c", 0, State.DOWN), by="b"))
    assert [member.state for member in swim.members()] == [State.UP, State.DOWN, State.UP]
    back = [News(record("b", 1)).tell(), News(record("d")).tell()]
    swim.step(Arrived(p.Gossip("b", 1, back)), 1.0)
    assert [member.host for member in swim.members()] == ["a", "b", "c", "d"]
    assert {member.state for member in swim.members()} == {State.UP}


def test_of_two_living_hosts_of_one_name_one_gives_way_and_says_so() -> None:
    swim = machine("a")
    other = replace(record("a", 3), key="another", address="elsewhere:1")
    tell(swim, News(other))
    assert swim.me == record("a", 4)
    commands = tell(swim, News(replace(other, incarnation=5)))
    assert Contested("another", "elsewhere:1") in commands
    assert swim.me == record("a", 4)


def test_who_is_not_admitted_is_not_entered_and_goes_when_admitted_no_more() -> None:
    admitted = {"b", "c"}
    swim = machine("a", admits=lambda host, _: host in admitted)
    tell(swim, News(record("c")), News(record("d")))
    assert [member.host for member in swim.members()] == ["a", "b", "c"]
    assert swim.view.refused == 1
    admitted.remove("c")
    commands = swim.step(Review(), 0.0)
    assert Changed("c", State.UP, None, "no longer admitted") in commands


def test_a_table_has_a_bound_and_nonsense_is_counted() -> None:
    swim = machine("a", settings=Settings(hosts=3))
    tell(swim, *(News(record(f"h{number}")) for number in range(5)))
    assert len(swim.members()) == 3
    assert swim.view.refused == 4
    swim.step(Arrived(p.Gossip("b", 0, [["b"], ["c", "k", "a", 0, "up", "", 0, "new"], []])), 0.0)
    assert swim.malformed == 2
    broken: list[Any] = [
        p.Gossip("b", 0, 5),  # type: ignore[arg-type]
        p.Gossip("b", 0, [5]),  # type: ignore[list-item]
        p.Ping("b", "0", 1, 0, []),  # type: ignore[arg-type]
        p.Compare("b", 0, ["x"]),  # type: ignore[list-item]
        p.Verdict("b", 0, {}),  # type: ignore[arg-type]
    ]
    for packet in broken:
        assert swim.step(Arrived(packet), 0.0) == []
    assert swim.malformed == 7


def test_news_too_old_to_be_remembered_is_not_entered() -> None:
    swim = machine("a", settings=Settings(forget=100.0))
    tell(
        swim,
        News(record("c", 0, State.LEFT), age=99.0),
        News(record("d", 0, State.DOWN), age=100.0),
    )
    assert [member.host for member in swim.members()] == ["a", "b", "c"]
    for tenths in range(15):
        swim.step(Tick(), tenths / 10)
    assert [member.host for member in swim.members()] == ["a", "b"]


def test_who_has_left_does_not_wake_up_for_ever_when_it_is_time_to_forget_it() -> None:
    swim = machine("a", settings=Settings(forget=100.0))
    swim.step(Declare(State.LEFT), 1.0)
    now, steps = 1.0, 0
    while (due := swim.deadline()) is not None and steps < 1000:
        now, steps = max(now, due), steps + 1
        swim.step(Tick(), now)
    assert steps < 1000
    assert swim.me.state is State.LEFT


def test_ages_are_told_with_what_is_known() -> None:
    swim = machine("a")
    tell(swim, News(record("c")))
    swim.step(Met("b", "key-of-b", "b:7400"), 0.3)
    assert swim.age("b") == (0.3, 0.3)
    assert swim.age("c") == (0.3, None)
    contact = swim.contact("b")
    assert contact is not None
    assert contact.address == "b:7400"
    assert swim.contact("nobody") is None


def test_an_answer_ends_the_probes_of_the_same_host_before_it() -> None:
    swim = machine("a", settings=Settings(answer=5.0))
    tell(swim, News(record("b")))
    sent = [each for tenths in range(40) for each in packets_of(swim.step(Tick(), tenths / 10))]
    pings = [packet.n for _, packet in sent if isinstance(packet, p.Ping)]
    assert len(pings) > 2
    swim.step(Arrived(p.Ack("b", 0, pings[-2], [])), 4.0)
    assert [n for n in pings if swim._probes._prober.get(n)] == pings[-1:]


def test_more_patience_is_had_with_others_by_one_that_hears_nobody() -> None:
    world = settled(5, link=LAN)
    world.network.split(["h1"])
    world.clock.advance(1.9)
    assert world.hosts["h1"].swim._probes.stretch > 1
    world.network.heal()
    world.settle(within=10)
    world.clock.advance(20)
    assert world.hosts["h1"].swim._probes.stretch == 1
