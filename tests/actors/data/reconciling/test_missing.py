"""All that is put was missing before, and next to nothing else was."""

from __future__ import annotations

from copy import deepcopy

from simulacra.actors.data.entries import Content, Kind
from simulacra.actors.data.reconciling.actions import Put, done
from simulacra.actors.data.reconciling.missing import missing
from simulacra.actors.data.reconciling.planning import plan
from simulacra.actors.data.reconciling.policy import ALL, Policy
from simulacra.actors.data.reconciling.projecting import Listings
from tests.actors.data.reconciling.making import MAKE_FOLDER, file, hosts, meet, put, remove
from tests.actors.data.reconciling.simulator import Host, World, history
from tests.support import examples


def said_missing(host: Host, policy: Policy = ALL) -> list[Content]:
    return list(missing(sorted(host.index.dirty), host.index, policy, Listings(host.index)))


def was_put(host: Host) -> set[Content]:
    """The contents of all files that are put, if every action can be done."""
    contents = set()
    for action in plan(list(host.index.dirty), host.index):
        if isinstance(action, Put) and action.row.entry.content.kind is Kind.FILE:
            contents.add(action.row.entry.content)
        if host.act(action):
            done(action, host.index, host.fingerprint(action.path))
    return contents


def test_all_that_is_put_was_missing() -> None:
    used = said = 0
    for seed in range(examples(30, many=300)):
        size, taken = history(seed)
        world = World(size)
        for step in taken:
            world.step(step)
            for host in world.hosts:
                if host.index.dirty and not host.importing:
                    told = set(said_missing(host))
                    brought = was_put(deepcopy(host))
                    assert brought <= told, f"history {seed}"
                    used, said = used + len(brought), said + len(told)
    assert 0 < said <= 1.02 * used  # where two things change places one may be for nothing


def test_what_is_on_this_disk_elsewhere_is_not_missing() -> None:
    left, right = hosts()
    put(left, b"a", 1)
    left.scan()
    right.pull(left)
    assert said_missing(right) == [file(1).content]
    right.apply()
    right.scan()
    left.disk.put(b"d", MAKE_FOLDER)
    left.disk.move(b"a", b"d/b")
    left.scan()
    right.pull(left)
    assert right.index.dirty
    assert said_missing(right) == []


def test_what_is_not_wanted_is_not_missing() -> None:
    left, right = hosts()
    left.disk.put(b"d", MAKE_FOLDER)
    put(left, b"d/f", 1)
    put(left, b"big", 2)
    left.scan()
    right.pull(left)
    policy = Policy(wanted=lambda path, _entry: path != b"big")
    assert said_missing(right, policy) == [file(1).content]


def test_what_is_in_a_folder_that_takes_the_place_of_a_file_is_missing() -> None:
    left, right = hosts()
    put(left, b"d", 1)
    meet(left, right)
    remove(left, b"d")
    left.disk.put(b"d", MAKE_FOLDER)
    put(left, b"d/f", 2)
    left.scan()
    right.pull(left)
    assert file(2).content in said_missing(right)
