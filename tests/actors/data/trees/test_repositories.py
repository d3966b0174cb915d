"""Git repositories in a tree, on real disks with the real git: valid on every host, always."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest

from simulacra.actors.data.git.repository import Held
from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.repositories import Repositories
from simulacra.actors.data.trees.repositories_here import RepositoriesHere
from simulacra.actors.data.trees.repository_messages import ToldRepositories
from tests.actors.data.git.clones import Clone
from tests.actors.data.trees.copies import Copies, Copy


class Host:
    """One host's copy of a tree, with its repositories."""

    def __init__(self, copy: Copy) -> None:
        self.copy = copy
        self.met: set[bytes] = set()
        self.repositories = Repositories(RepositoriesHere(copy.place))

    @property
    def host(self) -> str:
        return self.copy.host

    @property
    def root(self) -> Path:
        return self.copy.root

    def at(self, place: str) -> Clone:
        return Clone(self.host, self.root / place, self.root)

    def init(self, place: str, *options: str) -> Clone:
        (self.root / place).mkdir(parents=True, exist_ok=True)
        clone = self.at(place)
        clone.git("init", "-q", "-b", "main", *options)
        return clone

    def restart(self) -> None:
        self.copy.reopen()
        self.repositories = Repositories(RepositoriesHere(self.copy.place))

    def look(self) -> int:
        met: set[bytes] = set()
        taken = self.copy.tree.scan(meet=lambda path, _, *, bare: met.add(path))
        assert taken.skipped == {}
        self.repositories.here.look(met, whole=True)
        return taken.edits

    def hear(self, other: Host) -> bool:
        if not (self.copy.reachable and other.copy.reachable):
            return False
        before = self.repositories.here.digest
        self.repositories.hear(InReach(other))
        return self.repositories.here.digest != before


class InReach:
    """Another host's repositories, asked directly."""

    def __init__(self, host: Host) -> None:
        self.host = host.host
        self._repositories = host.repositories

    def repositories(self, known: dict[bytes, bytes]) -> ToldRepositories:
        return self._repositories.here.tell(known)

    def history(
        self, path: bytes, wanted: Sequence[str], have: Sequence[str], shallow: Sequence[str]
    ) -> IO[bytes]:
        with ExitStack() as begun:
            file = begun.enter_context(tempfile.TemporaryFile())
            try:
                self._repositories.here.pack(path, wanted, have, shallow, file)
            except Held as held:
                raise MissingError(str(held)) from held
            file.seek(0)
            begun.pop_all()
            return file


class Hosts:
    """Copies of one tree, with their repositories."""

    def __init__(self, copies: Copies) -> None:
        self.all = [Host(copy) for copy in copies.by_host.values()]

    def __getitem__(self, host: str) -> Host:
        return next(each for each in self.all if each.host == host)

    def sync(self) -> None:
        """All look, hear each other and bring their disks up to date, until nothing is new."""
        for _ in range(30):
            new = sum(host.look() for host in self.all)
            for host in self.all:
                for other in self.all:
                    if other is not host and host.copy.reachable and other.copy.reachable:
                        new += host.copy.hear(other.copy) + host.hear(other)
            for host in self.all:
                brought = host.copy.tree.bring()
                new += brought.done
                host.repositories.here.refresh()
            digests = {host.repositories.here.digest for host in self.all if host.copy.reachable}
            if not new:
                assert len(digests) <= 1 or any(host.repositories.reasons for host in self.all)
                return
        raise AssertionError("no quiet")

    def sound(self, place: str, *, clean: bool = True) -> None:
        """The repository at a place is whole on all, and the same."""
        clones = [host.at(place) for host in self.all]
        for clone in clones:
            assert clone.git("fsck", "--strict", "--no-dangling") == ""
            assert clone.at("HEAD") == clones[0].at("HEAD")
            if clean:
                assert clone.status() == [], clone.host
            assert not list(clone.place.glob("**/.simulacra-tmp-*"))


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    with Copies(tmp_path, "desk", "lap") as made:
        yield Hosts(made)


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Hosts]:
    with Copies(tmp_path, "desk", "lap", "nas") as made:
        yield Hosts(made)


def test_a_repository_is_on_the_other_host_with_its_files_and_goes_on(hosts: Hosts) -> None:
    clone = hosts["desk"].init("project")
    clone.commit("deep/file")
    hosts.sync()
    hosts.sound("project")
    commit = hosts["lap"].at("project").commit("more")
    hosts.sync()
    hosts.sound("project")
    assert clone.at("HEAD") == commit
    assert clone.git("ls-files").splitlines() == ["deep/file", "more"]


def test_nothing_of_git_is_ever_a_file_of_the_tree(hosts: Hosts) -> None:
    desk, lap = hosts["desk"], hosts["lap"]
    clone = desk.init("project")
    clone.commit()
    clone.git("config", "core.hooksPath", "evil")
    (desk.root / "project/.git/hooks/post-checkout").write_text("#!/bin/sh\ntouch evil\n")
    desk.init("store.git", "--bare")
    hosts.sync()
    known = [path for path, _ in desk.copy.tree.journal.rows_in(b"project")]
    assert known == [b"project/file"]
    assert list(desk.copy.tree.journal.rows_in(b"store.git")) == []
    assert not (lap.root / "project/.git/hooks").exists()
    assert "evil" not in (lap.root / "project/.git/config").read_text()


def test_the_root_of_a_tree_may_be_one(hosts: Hosts) -> None:
    hosts["desk"].init("").commit()
    hosts.sync()
    hosts.sound("")


def test_commits_on_both_sides_while_apart_are_both_kept_and_listed(hosts: Hosts) -> None:
    desk = hosts["desk"].init("project")
    desk.commit()
    hosts.sync()
    lap = hosts["lap"].at("project")
    first, second = desk.commit("a"), lap.commit("b")
    hosts.sync()
    hosts.sound("project", clean=False)
    for host in hosts.all:
        assert host.at("project").at("main") == second
        [conflict] = [each.to_plain("src") for each in host.repositories.here.conflicts()]
        sides = [(each["host"], each["commit"], each["subject"]) for each in conflict["sides"]]
        assert sides == [("lap", second, "b on lap"), ("desk", first, "a on desk")]
        assert (conflict["tree"], conflict["path"], conflict["kind"], conflict["name"]) == (
            "src",
            "project",
            "branch",
            "main",
        )
        assert conflict["settle"].endswith("git merge refs/simulacra/desk/heads/main")
    lap.git("add", "-A")
    lap.git("stash", "-q")
    lap.git("merge", "-q", "--no-edit", "refs/simulacra/desk/heads/main")
    lap.git("stash", "pop", "-q")
    hosts.sync()
    hosts.sound("project")
    assert [host.repositories.here.conflicts() for host in hosts.all] == [[], []]


def test_branches_stash_and_index_go_along(hosts: Hosts) -> None:
    desk = hosts["desk"].init("project")
    desk.commit()
    desk.git("branch", "topic")
    desk.write("file", "stashed\n")
    desk.git("stash", "-q")
    desk.write("new", "staged\n")
    desk.git("add", "new")
    hosts.sync()
    lap = hosts["lap"].at("project")
    assert lap.status() == desk.status() == ["A  new"]
    assert lap.git("stash", "list", "--format=%H") == desk.git("stash", "list", "--format=%H")
    lap.git("branch", "-D", "topic")
    hosts.sync()
    assert desk.at("topic") == ""
    hosts.sound("project", clean=False)


def test_three_hosts_pass_histories_on(three: Hosts) -> None:
    desk = three["desk"].init("project")
    desk.commit()
    three["nas"].copy.reachable = False
    three.sync()
    commit = three["lap"].at("project").commit("b")
    three.sync()
    three["nas"].copy.reachable, three["desk"].copy.reachable = True, False
    three.sync()
    assert three["nas"].at("project").at("main") == commit
    three["desk"].copy.reachable = True
    three.sync()
    three.sound("project")


def test_a_rebase_under_way_holds_the_history_with_the_reason_until_it_ends(hosts: Hosts) -> None:
    desk = hosts["desk"].init("project")
    desk.commit("file", "base\n")
    hosts.sync()
    desk.git("switch", "-q", "-c", "topic")
    desk.commit("file", "one\n")
    desk.git("switch", "-q", "main")
    desk.commit("file", "two\n")
    hosts.sync()
    desk.git("rebase", "-q", "main", "topic", fine=(1,))
    commit = hosts["lap"].at("project").commit("lap")
    hosts.sync()
    reasons = [host.repositories.reasons[b"project/.git"] for host in hosts.all]
    assert "a rebase is under way" in reasons[0]
    assert reasons[1].startswith("on desk: a rebase")
    assert desk.git("cat-file", "-e", commit, fine=(1, 128)) == ""
    desk.git("rebase", "--abort")
    hosts.sync()
    assert [host.repositories.reasons for host in hosts.all] == [{}, {}]
    assert desk.at(commit) == commit
    hosts.sound("project", clean=False)


def test_what_came_while_it_was_held_is_still_waited_for(hosts: Hosts) -> None:
    desk, lap = hosts["desk"], hosts["lap"]
    mine = desk.init("project")
    mine.commit("file", "base\n")
    hosts.sync()
    assert not desk.repositories.is_waiting_for("lap")
    mine.git("bisect", "start")
    commit = lap.at("project").commit("lap")
    for host in hosts.all:
        host.look()
    desk.hear(lap)
    assert desk.repositories.is_waiting_for("lap")
    mine.git("bisect", "reset")
    desk.look()
    desk.hear(lap)
    assert not desk.repositories.is_waiting_for("lap")
    assert mine.at("HEAD") == commit


def test_a_submodule_comes_after_what_it_is_in(hosts: Hosts) -> None:
    library = hosts["desk"].init("library")
    library.commit("code")
    desk = hosts["desk"].init("aproject")
    desk.commit()
    allow = ("-c", "protocol.file.allow=always")
    desk.git(*allow, "submodule", "add", "-q", str(library.place), "libs/code")
    desk.git("commit", "-q", "-m", "with a library")
    hosts.sync()
    lap = hosts["lap"].at("aproject")
    assert lap.git("submodule", "status") == desk.git("submodule", "status")
    for place in ("library", "aproject", "aproject/libs/code"):
        hosts.sound(place)
    hosts["lap"].at("aproject/libs/code").commit("more")
    lap.git("commit", "-q", "-a", "-m", "newer library")
    hosts.sync()
    hosts.sound("aproject")
    hosts.sound("aproject/libs/code")

    desk.git("submodule", "deinit", "-q", "-f", "libs/code")
    hosts.sync()
    assert not (lap.place / "libs/code/.git").exists()
    desk.git(*allow, "submodule", "update", "-q", "--init")
    desk.at("HEAD")
    hosts["desk"].at("aproject/libs/code").git("switch", "-q", "-c", "again")
    hosts.sync()
    hosts.sound("aproject/libs/code")
    assert lap.git("submodule", "status") == desk.git("submodule", "status")


def test_a_bare_repository_is_pushed_to_on_either_side(hosts: Hosts) -> None:
    hosts["desk"].init("store.git", "--bare")
    work = hosts["desk"].init("work")
    commit = work.commit()
    work.git("push", "-q", "../store.git", "main")
    hosts.sync()
    store = hosts["lap"].at("store.git")
    assert store.at("main") == commit
    assert store.git("rev-parse", "--is-bare-repository") == "true"
    commit = hosts["lap"].at("work").commit("more")
    hosts["lap"].at("work").git("push", "-q", "../store.git", "main")
    hosts.sync()
    assert hosts["desk"].at("store.git").at("main") == commit
    hosts.sound("work")


@pytest.mark.parametrize("bare", [False, True])
def test_a_repository_deleted_on_one_side_goes_everywhere_and_can_be_found(
    three: Hosts, *, bare: bool
) -> None:
    clone = three["desk"].init("project", *(["--bare"] if bare else []))
    if not bare:
        clone.commit()
    three["desk"].root.joinpath("other").write_text("stays")
    three["nas"].copy.reachable = True
    three.sync()
    three["nas"].copy.reachable = False
    shutil.rmtree(clone.place)
    three.sync()
    assert not (three["lap"].root / "project").exists()
    three["nas"].copy.reachable = True
    three["desk"].restart()
    three.sync()
    for host in three.all:
        assert not (host.root / "project").exists(), host.host
    [aside] = (three["lap"].root / ".simulacra-quarantine/.repositories").iterdir()
    shown = ["git", "--git-dir", str(aside), "log", "--all", "--format=%s"]
    found = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
    assert found == ("" if bare else "file on desk\n")


def test_a_repository_deleted_here_that_went_on_there_stays(hosts: Hosts) -> None:
    desk = hosts["desk"].init("project")
    desk.commit()
    hosts.sync()
    commit = hosts["lap"].at("project").commit("more")
    shutil.rmtree(desk.place / ".git")
    hosts.sync()
    hosts.sound("project")
    assert desk.at("main") == commit


def test_a_git_folder_alone_that_is_deleted_does_not_come_back(hosts: Hosts) -> None:
    desk = hosts["desk"].init("project")
    desk.commit()
    hosts.sync()
    shutil.rmtree(desk.place / ".git")
    hosts.sync()
    hosts.sync()
    for host in hosts.all:
        assert [path.name for path in (host.root / "project").iterdir()] == ["file"]
    again = hosts["desk"].init("project")
    commit = again.commit("file", "new\n")
    hosts.sync()
    hosts.sound("project")
    assert hosts["lap"].at("project").git("rev-list", "--all") == commit


def test_a_repository_that_is_moved_keeps_what_is_its_own_on_the_other_side(hosts: Hosts) -> None:
    desk = hosts["desk"].init("project")
    desk.commit()
    hosts.sync()
    hosts["lap"].at("project").git("config", "alias.x", "status")
    desk.place.rename(hosts["desk"].root / "renamed")
    hosts.sync()
    hosts.sound("renamed")
    assert not (hosts["lap"].root / "project").exists()
    assert hosts["lap"].at("renamed").git("config", "alias.x") == "status"
    assert not (hosts["lap"].root / ".simulacra-quarantine").exists()


def test_a_linked_worktree_is_held_with_the_reason(hosts: Hosts) -> None:
    desk = hosts["desk"].init("project")
    desk.commit()
    desk.git("worktree", "add", "-q", "../linked", "-b", "other")
    hosts.sync()
    assert "linked worktree" in hosts["desk"].repositories.reasons[b"linked/.git"]
    assert not (hosts["lap"].root / "linked/.git").exists()
    assert hosts["lap"].at("project").at("other") == desk.at("other")


def test_a_damaged_one_is_held_and_neither_sent_on_nor_deleted(hosts: Hosts) -> None:
    desk = hosts["desk"].init("project")
    desk.commit()
    hosts.sync()
    (desk.place / ".git/HEAD").unlink()
    hosts.sync()
    assert "damaged" in hosts["desk"].repositories.reasons[b"project/.git"]
    assert hosts["lap"].at("project").git("fsck") == ""
    (desk.place / ".git/HEAD").write_text("ref: refs/heads/main\n")
    hosts.sync()
    hosts.sound("project")
    assert hosts["desk"].repositories.reasons == {}


def test_no_git_on_a_host_is_said(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts["desk"].init("project").commit()
    monkeypatch.setattr("simulacra.actors.data.git.command.shutil.which", lambda _: None)
    hosts["desk"].look()
    assert "there is no git here" in hosts["desk"].repositories.reasons[b"project/.git"]


def test_it_goes_on_after_a_restart(hosts: Hosts) -> None:
    desk = hosts["desk"].init("project")
    desk.commit()
    hosts.sync()
    shutil.rmtree(desk.place / ".git")
    hosts["desk"].restart()
    hosts["lap"].restart()
    hosts.sync()
    assert not (hosts["lap"].root / "project/.git").exists()


def test_a_root_that_is_not_there_deletes_nothing(hosts: Hosts) -> None:
    hosts["desk"].init("project").commit()
    hosts.sync()
    desk = hosts["desk"]
    away = desk.root.with_name("away")
    desk.root.rename(away)
    with pytest.raises(FileNotFoundError):
        desk.repositories.here.look()
    desk.root.mkdir()
    desk.repositories.here.look()
    desk.repositories.here.look(whole=True)
    assert desk.repositories.here.tell({}).gone == {}
