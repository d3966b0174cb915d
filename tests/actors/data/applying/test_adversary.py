"""Somebody who edits between any two system calls of a change loses nothing."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import pytest

from simulacra.actors.data.applying import syscalls
from simulacra.actors.data.applying.applier import Applied
from simulacra.actors.data.applying.refusals import Reason, RefusedError
from simulacra.actors.data.entries import Attributes, Fingerprint, Kind
from tests.actors.data.applying.applied import PLAIN, Adversary, Scene, scene, watched

OLD, NEW, USER = b"old-old-old", b"new-new-new", b"user-edited"
assert len(OLD) == len(NEW) == len(USER)

Edit = Callable[[FilePath], None]
Change = Callable[[Scene, Fingerprint], object]


def in_place(path: FilePath) -> None:
    """An edit that nothing but ctime tells of."""
    status = path.stat()
    with path.open("r+b") as file:
        file.write(USER)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))


def appended(path: FilePath) -> None:
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(USER)


def saved_by_rename(path: FilePath) -> None:
    beside = path.with_name("saved")
    beside.write_bytes(USER)
    beside.rename(path)


def removed_and_made(path: FilePath) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(USER)


def made(path: FilePath) -> None:
    with path.open("xb") as file:
        file.write(USER)


def made_a_folder(path: FilePath) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()
    (path / "inside").write_bytes(USER)


EDITS: list[Edit] = [
    in_place,
    appended,
    saved_by_rename,
    removed_and_made,
    made,
    made_a_folder,
]


def put_over(on: Scene, expected: Fingerprint) -> object:
    return on.put("d/f", NEW, expected)


def put_new(on: Scene, _: Fingerprint) -> object:
    return on.put("d/g", NEW)


def remove(on: Scene, expected: Fingerprint) -> None:
    on.applier.remove(b"d/f", expected, Kind.FILE)


def move(on: Scene, expected: Fingerprint) -> object:
    return on.applier.move(b"d/f", b"d/g", expected, Kind.FILE)


def set_attributes(on: Scene, expected: Fingerprint) -> object:
    status = (on.tree / "d/f").stat()
    before = Attributes(status.st_mode & 0o7777, status.st_mtime_ns)
    return on.applier.set_attributes(b"d/f", expected, Kind.FILE, before, PLAIN)


CHANGES: list[tuple[Change, str]] = [
    (put_over, "f"),
    (put_new, "g"),
    (remove, "f"),
    (move, "f"),
    (move, "g"),
    (set_attributes, "f"),
]


def refused_flags(*flags: int) -> Callable[..., int]:
    """A file system that knows no such renames."""
    raw = syscalls._call

    def call(function: str, *arguments: Any) -> int:
        if function == "renameat2" and arguments[-1] in flags:
            raise OSError(errno.EINVAL, "Invalid argument")
        return raw(function, *arguments)

    return call


@dataclass
class User:
    """Edits a path once, if it is there, or not, as the edit needs it."""

    path: FilePath
    edit: Edit
    wrote: bool = False

    def __call__(self) -> None:
        with suppress(FileExistsError, FileNotFoundError):
            self.edit(self.path)
            self.wrote = True


def check(on: Scene, user: User, result: object, path: str) -> None:
    """What holds after a change that somebody edited meanwhile."""
    assert on.temporaries() == []
    kept, there = on.texts(on.kept), on.texts(on.tree)
    if user.wrote:
        assert USER in b"".join(kept + there)
    if user.wrote and user.edit in {in_place, appended}:
        assert USER in b"".join(there)  # not even away among the versions
    if isinstance(result, Applied) and result.fingerprint == on.fingerprint(path):
        assert USER not in (on.tree / path).read_bytes()  # what nobody would read again
    if not user.wrote:
        assert not isinstance(result, RefusedError) or result.reason is Reason.CHANGED


@pytest.mark.parametrize("flags", [(), (2,), (1, 2)], ids=["flags", "no exchange", "no flags"])
@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize(("change", "target"), CHANGES)
def test_no_edit_is_lost(
    tmp_path: FilePath,
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    edit: Edit,
    target: str,
    flags: tuple[int, ...],
) -> None:
    monkeypatch.setattr(syscalls, "_call", refused_flags(*flags))
    for at in range(200):
        with scene(tmp_path / str(at)) as on:
            expected = on.write("d/f", OLD)
            user = User(on.tree / "d" / target, edit)
            adversary = Adversary(at, user)
            result: object
            with watched(monkeypatch, adversary):
                try:
                    result = change(on, expected)
                except RefusedError as error:
                    result = error
            check(on, user, result, "d/g" if change in {put_new, move} else "d/f")
            if not adversary.acted:
                assert not isinstance(result, RefusedError)
                return
    raise AssertionError("it never ended")


@pytest.mark.parametrize("one_step", [True, False])
@pytest.mark.parametrize(("change", "_"), CHANGES)
def test_a_folder_swapped_for_a_link_leads_nowhere(
    tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch, change: Change, _: str, one_step: bool
) -> None:
    for at in range(200):
        with scene(tmp_path / str(at)) as on:
            on.folders._one_step = one_step
            expected = on.write("d/f", OLD)
            outside = on.base / "outside"
            outside.mkdir()
            (outside / "f").write_bytes(USER)

            def swap(tree: FilePath = on.tree, outside: FilePath = outside) -> None:
                (tree / "d").rename(tree / "away")
                (tree / "d").symlink_to(outside)

            adversary = Adversary(at, swap)
            with watched(monkeypatch, adversary), suppress(RefusedError):
                change(on, expected)
            assert [(each.name, each.read_bytes()) for each in outside.iterdir()] == [("f", USER)]
            if not adversary.acted:
                return
    raise AssertionError("it never ended")


USER_PROGRAM = """
import itertools, os, sys
path, beside = sys.argv[1], sys.argv[1] + ".beside"
for number in itertools.count():
    line = b"line %d of the user\\n" % number
    if number % 3:
        with open(path, "ab") as file:
            file.write(line)
    else:
        with open(path, "rb") as old, open(beside, "wb") as new:
            new.write(old.read() + line)
        os.rename(beside, path)
    print(flush=True)
    if not sys.stdin.readline():
        break
"""


def test_a_program_that_edits_all_the_time_loses_nothing(tmp_path: FilePath) -> None:
    """Only what was read before it was replaced is ever displaced: no edit that nobody has seen."""
    with scene(tmp_path / "scene") as on:
        on.write("f", b"")
        path, seen, done = on.tree / "f", set(), 0
        command = [sys.executable, "-S", "-E", "-c", USER_PROGRAM, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
            assert user.stdin is not None
            assert user.stdout is not None
            while done < 40:
                user.stdout.readline()
                user.stdin.write(b"\n")  # from here on it edits, while this goes on
                user.stdin.flush()
                expected = on.fingerprint("f")
                content = path.read_bytes()
                if on.fingerprint("f") != expected:
                    continue
                seen.add(content)
                with suppress(RefusedError):
                    on.put("f", b"ours %d\n" % done, expected)
                    done += 1
            user.stdin.close()
        assert len(on.texts(on.kept)) == done
        assert set(on.texts(on.kept)) <= seen
        assert on.temporaries() == []
