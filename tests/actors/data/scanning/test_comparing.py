"""What of a folder is read, told, held or doubted."""

from __future__ import annotations

import os
import shutil
import socket
import time

import pytest

from simulacra.actors.data.entries import ROOT
from simulacra.actors.data.scanning.ignoring import Choice
from simulacra.actors.data.scanning.looking import Reason, file_time
from tests.actors.data.scanning.observing import Tree, later, reasons, said, whole


def test_an_unchanged_tree_is_not_read(tree: Tree) -> None:
    tree.folder(b"a/b")
    tree.write(b"a/b/c")
    tree.write(b"d")
    assert said(tree.scan(now=later), "found") == {b"a", b"a/b", b"a/b/c", b"d"}
    assert len(tree.digested) == 2
    assert tree.scan(now=later) == []
    assert tree.digested == []
    assert (tree.totals.unchanged, tree.totals.folders) == (4, 3)


def test_what_changed_just_before_it_was_read_is_read_again(tree: Tree) -> None:
    tree.write(b"a")
    just_then = os.lstat(tree.path(b"a")).st_ctime_ns + 10_000_000
    tree.scan(now=lambda: just_then)
    again = tree.scan(now=lambda: just_then)
    assert len(tree.digested) == 1
    assert not said(again, "found")
    tree.scan(now=later)
    assert len(tree.digested) == 1
    tree.scan(now=later)
    assert tree.digested == []


def test_of_a_large_file_it_is_waited_for_the_next_tick(tree: Tree) -> None:
    tree.write(b"small")
    tree.write(b"large")
    os.truncate(tree.path(b"large"), 1 << 24)
    just_then = os.lstat(tree.path(b"large")).st_ctime_ns
    began = time.monotonic_ns()
    tree.scan(now=lambda: just_then + time.monotonic_ns() - began)
    row = tree.index.row(b"large")
    assert row is not None
    assert row.settled == (just_then % 10**9 > 0)


def test_a_file_is_as_old_as_the_clock_says_that_files_are_stamped_by(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.write(b"a")
    stands_still = os.lstat(tree.path(b"a")).st_ctime_ns
    monkeypatch.setattr("time.clock_gettime_ns", lambda _: stands_still)
    tree.scan(now=file_time)
    row = tree.index.row(b"a")
    assert row is not None
    assert not row.settled


def test_a_change_that_left_no_trace_in_the_status_is_found_while_not_settled(tree: Tree) -> None:
    tree.write(b"a", b"one")
    just_then = os.lstat(tree.path(b"a")).st_ctime_ns
    tree.scan(now=lambda: just_then)
    before = tree.index.row(b"a")
    assert before is not None
    assert not before.settled
    tree.write(b"a", b"two")
    tree.scan()
    after = tree.index.row(b"a")
    assert after is not None
    # As if the clock had not moved on between the two.
    same = type(before)(after.fingerprint, before.entry, settled=False)
    tree.index.put(ROOT, {b"a": same})
    assert said(tree.scan(), "found") == {b"a"}


@pytest.mark.parametrize("jump", [-(10**18), -(10**9), 10**9, 10**18])
def test_a_clock_that_jumps_hides_no_change(tree: Tree, jump: int) -> None:
    tree.write(b"a", b"one")
    tree.scan(now=lambda: later() + jump)
    tree.write(b"a", b"two")
    assert said(tree.scan(now=lambda: later() - jump), "found") == {b"a"}
    assert tree.observed() == tree.disk()


def test_a_change_of_mode_alone_is_found(tree: Tree) -> None:
    tree.write(b"a")
    tree.folder(b"b")
    tree.scan(now=later)
    os.chmod(tree.path(b"a"), 0o700)
    os.chmod(tree.path(b"b"), 0o700)
    os.setxattr(tree.path(b"b"), "user.x", b"1")
    assert said(tree.scan(now=later), "found") == {b"a", b"b"}
    assert tree.observed() == tree.disk()


def test_a_touch_that_changes_nothing_is_recorded_and_not_told(tree: Tree) -> None:
    tree.write(b"a")
    tree.scan(now=later)
    os.link(tree.path(b"a"), tree.path(b"b"))
    os.unlink(tree.path(b"b"))
    [observation] = tree.scan(now=later)
    assert (set(observation.refreshed), observation.found) == ({b"a"}, {})
    assert tree.scan(now=later) == []


@pytest.mark.parametrize(
    "name", [b"\xff\xfe", b"a\nb", "é".encode(), "e\u0301".encode(), b"-", b"*"]
)
def test_names_are_bytes(tree: Tree, name: bytes) -> None:
    tree.folder(name)
    tree.write(name + b"/" + name)
    tree.scan()
    assert set(tree.observed()) == {name, name + b"/" + name}


def test_times_that_no_number_holds_are_cut(tree: Tree) -> None:
    tree.write(b"a")
    os.utime(tree.path(b"a"), ns=(0, 10**19))
    stored = os.stat(tree.path(b"a")).st_mtime_ns
    tree.scan(now=later)
    row = tree.index.row(b"a")
    assert row is not None
    assert row.entry.attributes.mtime_ns == min(stored, 2**63 - 1)
    assert tree.scan(now=later) == []


def test_a_new_file_at_an_old_inode_is_read(tree: Tree) -> None:
    tree.write(b"a", b"one")
    tree.scan(now=later)
    tree.write(b"a", b"two")
    os.rename(tree.path(b"a"), tree.path(b"b"))
    tree.scan(now=later)
    assert len(tree.digested) == 1
    assert tree.observed() == tree.disk()


def test_each_name_of_a_hard_link_is_a_file_of_its_own(tree: Tree) -> None:
    tree.write(b"a")
    os.link(tree.path(b"a"), tree.path(b"b"))
    tree.scan()
    assert set(tree.observed()) == {b"a", b"b"}
    os.unlink(tree.path(b"a"))
    assert said(tree.scan(), "gone") == {b"a"}


def test_a_folder_that_became_a_file_and_back(tree: Tree) -> None:
    tree.folder(b"a/b")
    tree.write(b"a/b/c")
    tree.scan()
    shutil.rmtree(tree.path(b"a"))
    tree.write(b"a")
    observations = tree.scan()
    assert said(observations, "gone") == {b"a/b", b"a/b/c"}
    assert said(observations, "found") == {b"a"}
    os.unlink(tree.path(b"a"))
    tree.folder(b"a/b")
    assert said(tree.scan([ROOT]), "found") == {b"a", b"a/b"}
    assert tree.observed() == tree.disk()


def test_devices_sockets_and_pipes_are_listed(tree: Tree) -> None:
    os.mkfifo(tree.path(b"pipe"))
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.fspath(tree.root / "socket"))
    assert reasons(tree.scan()) == {b"pipe": Reason.PIPE, b"socket": Reason.SOCKET}
    assert tree.observed() == {}


def test_a_file_whose_place_a_pipe_took_is_gone(tree: Tree) -> None:
    tree.write(b"a")
    tree.scan()
    os.unlink(tree.path(b"a"))
    os.mkfifo(tree.path(b"a"))
    observations = tree.scan()
    assert reasons(observations) == {b"a": Reason.PIPE}
    assert said(observations, "gone") == {b"a"}


def test_a_file_that_changes_while_it_is_read_is_looked_at_again_later(tree: Tree) -> None:
    tree.write(b"log", b"old")
    tree.scan()
    before = tree.observed()
    tree.write(b"log", b"new")

    def writing(descriptor: int, size: int) -> bytes:
        with (tree.root / "log").open("ab") as file:
            file.write(b"more")
        return whole(descriptor, size)

    assert reasons(tree.scan(digest=writing)) == {b"log": Reason.CHANGING}
    assert tree.observed() == before
    assert said(tree.scan(), "found") == {b"log"}
    assert tree.observed() == tree.disk()


def test_a_file_that_the_disk_cannot_read_is_listed(tree: Tree) -> None:
    tree.write(b"a")
    tree.scan()
    before = tree.observed()
    tree.write(b"a", b"edited")

    def broken(descriptor: int, size: int) -> bytes:
        raise OSError(5, "Input/output error")

    assert reasons(tree.scan(digest=broken)) == {b"a": Reason.UNREADABLE}
    assert tree.observed() == before


@pytest.mark.parametrize("then", ["stays", "goes", "goes with its folder", "is another"])
def test_a_file_that_was_written_by_another_name_is_seen_by_each(tree: Tree, then: str) -> None:
    tree.folder(b"a/b")
    tree.folder(b"c")
    tree.write(b"a/b/f")
    tree.write(b"other", b"other text")
    os.link(tree.path(b"a/b/f"), tree.path(b"c/f"))
    tree.scan(now=later)
    tree.write(b"a/b/f", b"longer text")
    match then:
        case "goes":
            os.unlink(tree.path(b"a/b/f"))
        case "goes with its folder":
            shutil.rmtree(tree.path(b"a"))
        case "is another":
            os.rename(tree.path(b"other"), tree.path(b"a/b/f"))
    tree.scan([ROOT] if then == "goes with its folder" else [b"a/b", ROOT], now=later)
    assert tree.observed() == tree.disk()


def test_a_file_larger_than_wanted_is_listed(tree: Tree) -> None:
    tree.write(b"large", b"x" * 100)
    tree.write(b"small", b"x")
    observations = tree.scan(choice=Choice(largest=99))
    assert reasons(observations) == {b"large": Reason.TOO_LARGE}
    assert said(observations, "found") == {b"small"}
