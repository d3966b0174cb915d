"""The rules of refs, on simulated repositories: what is sure whoever meets whom when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.actors.cluster.lattice import State as History
from simulacra.actors.data.git.merging import merge, observe, reduce
from simulacra.actors.data.git.places import head_commit, places
from simulacra.actors.data.git.state import HEAD, INDEX, object_of, values
from tests.support import examples

BRANCHES = ["refs/heads/main", "refs/heads/a", "refs/heads/a/b", "refs/tags/v"]
HOSTS = ["desk", "lap", "nas"]


@dataclass
class World:
    """All commits there are; a commit's parents."""

    parents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    time: int = 0

    def commit(self, *parents: str) -> str:
        name = f"{len(self.parents) + 1:040x}"
        self.parents[name] = parents
        return name

    def reachable(self, tips: set[str]) -> set[str]:
        found: set[str] = set()
        todo = [tip for tip in tips if tip in self.parents]
        while todo:
            one = todo.pop()
            if one not in found:
                found.add(one)
                todo += self.parents[one]
        return found

    def tips(self, of: Iterable[str]) -> frozenset[str]:
        commits = set(of)
        return frozenset(one for one in commits if one not in self.reachable(commits - {one}))


@dataclass
class Replica:
    """A repository without git: names and kept refs, changed only by its user and by syncs."""

    host: str
    world: World
    history: History = field(default_factory=History)
    names: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)

    @property
    def replica(self) -> str:
        return f"{HOSTS.index(self.host):012x}"

    def look(self) -> None:
        self.world.time += 1
        seen = observe(
            self.history,
            self.names,
            self.kept,
            replica=self.replica,
            host=self.host,
            now=self.world.time,
        )
        self.history = reduce(seen, self.world.tips)
        self.put()

    def put(self) -> None:
        where = places(self.history)
        self.names = {n: values(self.history, n)[dot].text for n, dot in where.shown.items()}
        self.kept = {
            ref: object_of(values(self.history, name)[dot].text) or ""
            for ref, (name, dot) in where.kept.items()
        }

    def meet(self, other: Replica) -> None:
        self.look()
        other.look()
        self.history = merge(
            self.history,
            other.history,
            self.world.tips,
            replica=self.replica,
            now=self.world.time,
        )
        self.put()

    def tips(self) -> set[str]:
        found = {object_of(text) for text in self.names.values()} | set(self.kept.values())
        return {one for one in found if one}


class Play:
    """Three replicas, and what their users knowingly dropped."""

    def __init__(self) -> None:
        self.world = World()
        self.replicas = [Replica(host, self.world) for host in HOSTS]
        self.dropped: set[str] = set()
        first = self.world.commit()
        for replica in self.replicas:
            replica.names = {HEAD: "ref: refs/heads/main", "refs/heads/main": first}
            replica.look()

    def act(self, at: int, what: str, ref: str) -> None:
        replica, names = self.replicas[at], self.replicas[at].names
        before = self.world.reachable(replica.tips())
        if what == "commit" and ref in names:
            names[ref] = self.world.commit(names[ref])
        elif what == "amend" and ref in names:
            names[ref] = self.world.commit(*self.world.parents[names[ref]])
        elif what == "branch" and ref not in names and not self._clashes(ref, names):
            names[ref] = names.get("refs/heads/main") or self.world.commit()
        elif what == "delete" and names.get(HEAD) != f"ref: {ref}":
            names.pop(ref, None)
        elif what == "switch" and ref in names and ref.startswith("refs/heads/"):
            names[HEAD] = f"ref: {ref}"
            names.pop(INDEX, None)
        elif what == "detach" and ref in names:
            names[HEAD] = self.world.commit(names[ref])
        elif what == "stage" and head_commit(replica.history) != "-":
            base = self._checked_out(names)
            names[INDEX] = f"{self.world.commit(base)} {base}"
        elif what == "merge" and replica.kept and ref in names:
            names[ref] = self.world.commit(names[ref], *sorted(replica.kept.values())[:1])
        elif what == "look":
            replica.look()
        self.dropped |= before - self.world.reachable(replica.tips())

    @staticmethod
    def _clashes(ref: str, names: dict[str, str]) -> bool:
        return any(n.startswith(ref + "/") or ref.startswith(n + "/") for n in names)

    @staticmethod
    def _checked_out(names: dict[str, str]) -> str:
        text = names[HEAD]
        return names.get(text.removeprefix("ref: "), "-") if text.startswith("ref") else text

    def settle(self) -> None:
        for _ in range(4):
            for one in self.replicas:
                for other in self.replicas:
                    if one is not other:
                        one.meet(other)


ACTS = ["commit", "amend", "branch", "delete", "switch", "detach", "stage", "merge", "look"]
STEPS = st.one_of(
    st.tuples(st.integers(0, 2), st.sampled_from(ACTS), st.sampled_from(BRANCHES)),
    st.tuples(st.integers(0, 2), st.just("meet"), st.integers(0, 2)),
)


@settings(max_examples=examples(60, many=1500), deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_three_replicas_become_the_same_and_lose_no_commit(
    steps: list[tuple[int, str, str | int]],
) -> None:
    play = Play()
    for at, what, ref in steps:
        if isinstance(ref, str):
            play.act(at, what, ref)
        elif at != ref:
            play.replicas[at].meet(play.replicas[ref])
    play.settle()
    first = play.replicas[0]
    for replica in play.replicas:
        assert (replica.names, replica.kept) == (first.names, first.kept)
        assert replica.history == first.history
        made = set(play.world.parents)
        assert made - play.dropped <= play.world.reachable(replica.tips())
        before = replica.history
        replica.look()
        assert replica.history == before


@settings(max_examples=examples(50, many=500), deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_what_a_repository_without_its_record_has_is_all_taken_up_again(
    steps: list[tuple[int, str, str | int]],
) -> None:
    play = Play()
    for at, what, ref in steps:
        if isinstance(ref, str):
            play.act(at, what, ref)
        elif at != ref:
            play.replicas[at].meet(play.replicas[ref])
    lost = play.replicas[0]
    tips = lost.tips()
    lost.history = History()
    lost.look()
    assert play.world.reachable(tips) <= play.world.reachable(lost.tips())


def test_a_branch_deleted_on_one_side_is_deleted_on_all() -> None:
    play = Play()
    one, two, three = play.replicas
    play.act(0, "branch", "refs/heads/a")
    two.meet(one)
    three.meet(two)
    play.act(0, "delete", "refs/heads/a")
    play.settle()
    assert [sorted(replica.names) for replica in (one, two, three)] == [
        [HEAD, "refs/heads/main"]
    ] * 3


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_side_that_did_not_move_follows_an_amended_branch(order: tuple[int, int]) -> None:
    play = Play()
    play.act(0, "commit", "refs/heads/main")
    play.settle()
    play.act(0, "amend", "refs/heads/main")
    amended = play.replicas[0].names["refs/heads/main"]
    play.replicas[order[0]].meet(play.replicas[order[1]])
    play.settle()
    assert {replica.names["refs/heads/main"] for replica in play.replicas} == {amended}
    assert all(replica.kept == {} for replica in play.replicas)
