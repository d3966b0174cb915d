"""What is told of splits: each side once, whoever brings its records and in how many parts."""

from __future__ import annotations

from typing import Any

import pytest

from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.forks import LINES_KEPT, SPLITS_KEPT, fork_body, merge_body, side_of
from simulacra.actors.cluster.journal import Journal


class Host:
    """A host's journal, and what it writes as master."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.journal = Journal()
        self.epoch = Epoch()

    def write(self, kind: str, body: dict[str, Any]) -> None:
        entry = self.journal.entry(
            kind, body, epoch=self.epoch, origin=f"{self.name}/1", at=float(self.journal.end[0])
        )
        self.journal.take(entry)

    def set(self, *keys: str) -> None:
        for key in keys:
            self.write("set", {"key": key, "value": self.name})

    def take_over(self, lost: Epoch, *voters: str) -> None:
        self.epoch = lost.after(self.name)
        body = fork_body(self.journal.end, [self.name, *voters], lost, "it was lost")
        self.write("fork", body)

    def hand_over(self, target: Host) -> None:
        epoch = self.epoch.after(target.name)
        self.write("handoff", {"epoch": epoch.to_plain(), "why": "asked for"})
        target.follow(self)
        target.epoch = epoch

    def follow(self, master: Host) -> None:
        self.journal.install(master.journal.snapshot())

    def merge(self, other: Host) -> None:
        body = merge_body(self.journal.state, other.journal.state, other.journal.epoch, other.name)
        self.write("merge", body)

    def splits(self) -> list[dict[str, Any]]:
        state = self.journal.state
        return [v for key in state.keys("splits") for v in state.values("splits", key).values()]


def keys(told: dict[str, Any]) -> list[str]:
    assert told["count"] == len(told["first"])
    return [key for _, key, _ in told["first"]]


@pytest.fixture
def hosts() -> dict[str, Host]:
    """Of a to e, a is master; c will take over what it does not reach."""
    hosts = {name: Host(name) for name in "abcde"}
    hosts["a"].take_over(Epoch(), *"bcde")
    hosts["a"].set("before")
    for name in "bcde":
        hosts[name].follow(hosts["a"])
    return hosts


def test_a_side_that_comes_host_by_host_is_one_split(hosts: dict[str, Host]) -> None:
    a, b, c = (hosts[name] for name in "abc")
    c.take_over(a.epoch, "d", "e")
    c.set("there")
    a.set("one", "two")
    b.follow(a)
    a.set("two", "three")
    for other in (b, a):
        c.merge(other)
    [split] = c.splits()
    assert keys(split["theirs"]) == ["one", "three", "two"]
    assert keys(split["ours"]) == ["there"]
    assert (split["from"], split["master"], split["other"]) == ("b", [2, "c"], [1, "a"])
    assert split["at"] == c.journal.end[0] - 1


def test_what_is_in_conflict_is_told_of_every_part(hosts: dict[str, Host]) -> None:
    a, b, c = (hosts[name] for name in "abc")
    c.take_over(a.epoch, "d", "e")
    c.set("one", "two")
    a.set("one")
    b.follow(a)
    a.set("two")
    for other in (b, a):
        c.merge(other)
    [split] = c.splits()
    assert split["doubles"] == [["settings", "one"], ["settings", "two"]]


def test_a_side_is_one_whoever_it_was_handed_to(hosts: dict[str, Host]) -> None:
    a, b, c, e = (hosts[name] for name in "abce")
    c.take_over(a.epoch, "d")
    a.set("one")
    e.follow(a)
    a.hand_over(b)
    b.set("two")
    assert side_of(b.journal.state, b.epoch) == a.epoch
    for other in (e, b):
        c.merge(other)
    [split] = c.splits()
    assert keys(split["theirs"]) == ["one", "two"]
    assert split["other"] == [2, "b"]


def test_what_those_that_took_over_had_of_the_reign_before_is_no_split(
    hosts: dict[str, Host],
) -> None:
    a, c, d = (hosts[name] for name in "acd")
    a.set("late")
    d.follow(a)
    c.take_over(a.epoch, "d", "e")
    c.merge(d)
    assert c.splits() == []
    a.set("alone")
    c.merge(a)
    [split] = c.splits()
    assert keys(split["theirs"]) == ["alone"]


def test_a_side_that_changed_nothing_is_no_split(hosts: dict[str, Host]) -> None:
    a, b, c, d = (hosts[name] for name in "abcd")
    c.take_over(a.epoch, "e")
    d.take_over(a.epoch)
    c.set("one")
    d.merge(c)
    assert [keys(split["theirs"]) for split in d.splits()] == [["one"]]
    b.take_over(a.epoch)
    d.merge(b)
    assert len(d.splits()) == 1


def test_two_cuts_are_two_splits_and_so_are_three_parts(hosts: dict[str, Host]) -> None:
    a, b, c = (hosts[name] for name in "abc")
    b.take_over(a.epoch)
    c.take_over(a.epoch, "d", "e")
    for host in (a, b, c):
        host.set(host.name)
    c.merge(a)
    c.merge(b)
    assert [split["from"] for split in c.splits()] == ["a", "b"]
    for host in (a, b):
        host.follow(c)
    b.take_over(c.epoch)
    b.set("b again")
    c.set("c again")
    b.merge(c)
    assert [keys(split["theirs"]) for split in b.splits()] == [["a"], ["b"], ["c again"]]


def test_lines_and_splits_are_bounded_and_what_comes_last_stays(hosts: dict[str, Host]) -> None:
    a, b, c = (hosts[name] for name in "abc")
    c.take_over(a.epoch, "d", "e")
    late, most = hosts["e"], LINES_KEPT * 2 // 3
    late.follow(a)
    for number in range(most):
        a.set(f"{number}")
    b.follow(a)
    for number in range(most, 2 * most):
        a.set(f"{number}")
    c.merge(b)
    c.merge(a)
    [split] = c.splits()
    assert (split["theirs"]["count"], len(split["theirs"]["first"])) == (2 * most, LINES_KEPT)
    late.epoch = a.epoch
    for number in range(SPLITS_KEPT):
        other = Host(f"o{number}")
        other.follow(c)
        other.take_over(c.epoch)
        other.set(other.name)
        c.set("again")
        other.merge(c)
        c.follow(other)
        c.take_over(other.epoch)
    assert len(c.splits()) == SPLITS_KEPT
    late.set("long ago")
    c.merge(late)
    assert len(c.splits()) == SPLITS_KEPT
    assert c.splits()[0]["from"] == "e"
