"""The thread of a tree's git repositories: it hears, tells, tries again, pauses and stops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.repositories import Remote
from simulacra.actors.data.trees.repository_messages import RepositoryNews, ToldRepositories
from simulacra.actors.data.trees.repository_worker import Looked, Pause, RepositoryWorker
from tests.actors.data.trees.copies import Copies
from tests.actors.data.trees.test_repositories import Host, Hosts, InReach
from tests.support import eventually, nothing_left_behind


class Line(InReach):
    """The way to another host, which may be cut."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.cut = False
        self.asked = 0

    def repositories(self, known: dict[bytes, bytes]) -> ToldRepositories:
        self.asked += 1
        if self.cut:
            raise MissingError("it is cut")
        return super().repositories(known)


class Pair:
    """Two hosts, with their threads."""

    def __init__(self, hosts: Hosts, *, paused: bool = False) -> None:
        self.hosts = hosts
        self.lines = {host.host: Line(host) for host in hosts.all}
        self.changed = 0
        self.workers = {host.host: self._worker(host.host, paused=paused) for host in hosts.all}

    def _worker(self, here: str, *, paused: bool) -> RepositoryWorker:
        [other] = [host.host for host in self.hosts.all if host.host != here]

        def remote(host: str) -> Remote:
            return self.lines[host]

        def announce(host: str, digest: bytes, ask: bool) -> None:
            self.workers[host].tell(RepositoryNews(here, digest, ask))

        def changed() -> None:
            self.changed += 1

        repositories = self.hosts[here].repositories
        return RepositoryWorker(
            repositories, remote, lambda: [other], announce, changed, paused=paused
        )

    def look(self, here: str, scans: int = 1) -> None:
        met = frozenset({b"project"} if (self.hosts[here].root / "project/.git").exists() else ())
        self.workers[here].tell(Looked(met, scans, whole=True, brought=True))

    def in_step(self) -> bool:
        desk, lap = (self.workers[host].standing for host in ("desk", "lap"))
        return desk.heard.get("lap") == lap.digest and lap.heard.get("desk") == desk.digest


@contextmanager
def running(hosts: Hosts, *, paused: bool = False) -> Iterator[Pair]:
    pair = Pair(hosts, paused=paused)
    with nothing_left_behind(), ExitStack() as stack:
        for worker in pair.workers.values():
            worker.start()
            stack.callback(worker.close)
        yield pair


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    with Copies(tmp_path, "desk", "lap") as made:
        yield Hosts(made)


def test_what_is_committed_is_told_and_heard(hosts: Hosts) -> None:
    commit = hosts["desk"].init("project").commit()
    (hosts["lap"].root / "project").mkdir()
    with running(hosts) as pair:
        pair.look("lap")
        pair.look("desk")
        eventually(pair.in_step, within=60.0)
        assert hosts["lap"].at("project").at("main") == commit
        assert pair.changed == 1
        commit = hosts["lap"].at("project").commit("more")
        pair.look("lap", scans=2)
        eventually(lambda: hosts["desk"].at("project").at("main") == commit, within=60.0)
        eventually(pair.in_step, within=60.0)
        assert pair.workers["lap"].standing.scans == 2


def test_what_cannot_be_heard_is_tried_again(hosts: Hosts) -> None:
    commit = hosts["desk"].init("project").commit()
    (hosts["lap"].root / "project").mkdir()
    with running(hosts) as pair:
        pair.lines["desk"].cut = True
        pair.look("lap")
        pair.look("desk")
        eventually(lambda: pair.lines["desk"].asked > 0, within=60.0)
        assert not pair.in_step()
        pair.lines["desk"].cut = False
        eventually(pair.in_step, within=60.0)
        assert hosts["lap"].at("project").at("main") == commit


def test_what_came_while_it_was_held_is_taken_once_it_is_free(hosts: Hosts) -> None:
    project = hosts["desk"].init("project")
    project.commit()
    (hosts["lap"].root / "project").mkdir()
    with running(hosts) as pair:
        pair.look("lap")
        pair.look("desk")
        eventually(pair.in_step, within=60.0)
        (project.place / ".git/BISECT_LOG").touch()
        pair.look("desk", scans=2)
        eventually(lambda: pair.workers["desk"].standing.scans == 2, within=60.0)
        commit = hosts["lap"].at("project").commit("more")
        pair.look("lap", scans=2)
        eventually(lambda: pair.workers["lap"].standing.scans == 2, within=60.0)
        eventually(pair.in_step, within=60.0)
        assert project.at("HEAD") != commit
        (project.place / ".git/BISECT_LOG").unlink()
        pair.look("desk", scans=3)
        eventually(lambda: project.at("HEAD") == commit, within=60.0)


def test_one_whose_folder_is_not_there_yet_comes_after_it(hosts: Hosts) -> None:
    commit = hosts["desk"].init("project").commit()
    with running(hosts) as pair:
        pair.look("lap")
        pair.look("desk")
        reasons = pair.workers["lap"]
        eventually(lambda: reasons.standing.reasons, within=60.0)
        assert reasons.standing.reasons == {b"project/.git": "it comes once its folder is here"}
        assert not pair.in_step()
        (hosts["lap"].root / "project").mkdir()
        pair.look("lap")
        eventually(pair.in_step, within=60.0)
        assert hosts["lap"].at("project").at("main") == commit
        assert reasons.standing.reasons == {}


def test_paused_nothing_is_done(hosts: Hosts) -> None:
    hosts["desk"].init("project").commit()
    with running(hosts, paused=True) as pair:
        for host in ("desk", "lap"):
            pair.look(host)
            pair.workers[host].tell(RepositoryNews("nas", b"", ask=False))
        eventually(lambda: all(each._events.empty() for each in pair.workers.values()))
        assert [each.standing.digest for each in pair.workers.values()] == [b"", b""]
        for each in pair.workers.values():
            each.tell(Pause(paused=False))
        eventually(lambda: all(each.standing.digest for each in pair.workers.values()), 20.0)


def test_it_stops_while_git_is_at_work(
    hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts["desk"].init("project").commit()
    slow, began = tmp_path / "git", tmp_path / "began"
    slow.write_text(f"#!/bin/sh\ntouch {began}\nexec sleep 600\n")
    slow.chmod(0o700)
    monkeypatch.setattr("simulacra.actors.data.git.command._git", lambda: str(slow))
    with running(hosts) as pair:
        pair.look("desk")
        eventually(began.exists, within=60.0)
        before = time.monotonic()
        pair.workers["desk"].close()
        assert time.monotonic() - before < 60  # it would sleep for ten times that


def test_one_that_begins_again_is_told_at_once(hosts: Hosts) -> None:
    hosts["desk"].init("project").commit()
    (hosts["lap"].root / "project").mkdir()
    with running(hosts) as pair:
        pair.look("lap")
        pair.look("desk")
        eventually(pair.in_step, within=60.0)
        pair.workers["lap"].close()
        again = pair._worker("lap", paused=False)
        pair.workers["lap"] = again
        again.start()
        try:
            pair.look("lap")
            eventually(pair.in_step, within=60.0)
        finally:
            again.close()
