"""A host that is killed while it takes another's repositories goes on where it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.actors.data.trees.copies import Copies
from tests.actors.data.trees.test_repositories import Host, Hosts
from tests.killing import ended_at
from tests.support import examples

STEPS = {"subprocess.Popen", "os.rename", "os.link", "os.remove", "os.mkdir", "shutil.rmtree"}
"""What changes anything on the disk; a kill comes just before the n-th of them."""


def hear_killed(host: Host, other: Host, at: int) -> bool:
    """Hear another, in a process that is killed at its n-th step; False if it has fewer."""
    return ended_at(at, STEPS, lambda: host.hear(other))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_host_killed_at_any_step_has_all_in_the_end(tmp_path: Path) -> None:
    at, killed, stride = 1, True, max(1, 160 // examples(4, many=30))
    while killed:
        folder = tmp_path / str(at)
        with Copies(folder, "desk", "lap") as copies:
            hosts = Hosts(copies)
            hosts["desk"].init("old").commit()
            hosts.sync()
            hosts["desk"].init("new").commit()
            hosts["desk"].init("store.git", "--bare")
            commit = hosts["desk"].at("old").commit("more")
            for host in hosts.all:
                host.look()
            hosts["lap"].copy.hear(hosts["desk"].copy)
            hosts["lap"].copy.tree.bring()
            killed = hear_killed(hosts["lap"], hosts["desk"], at)
            hosts["lap"].restart()
            hosts.sync()
            for place in ("old", "new"):
                hosts.sound(place)
            assert hosts["lap"].at("old").at("HEAD") == commit
            assert hosts["lap"].at("store.git").git("rev-parse", "--is-bare-repository") == "true"
            assert not list(hosts["lap"].root.glob("**/.simulacra-tmp-*")), at
            assert not list(hosts["lap"].root.glob("*/.git/index.lock")), at
        shutil.rmtree(folder)
        at += stride
    assert at > 40
