"""Files that a process of its own stages and puts, and its end."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path as FilePath

import pytest

from simulacra.actors.data.applying import maker
from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.making import Made, Making, Wanted
from simulacra.actors.data.applying.refusals import Reason, RefusedError
from simulacra.actors.data.content.manifest import hash_of
from simulacra.actors.data.entries import Attributes, Fingerprint
from tests.actors.data.applying.applied import PLAIN, Scene, scene

BYTES = b"one, two"
ONE, TWO = BYTES[:3], BYTES[5:]


@pytest.fixture
def on(tmp_path: FilePath) -> Iterator[Scene]:
    with scene(tmp_path / "scene") as made:
        (made.tree / "folder").mkdir()
        yield made


@pytest.fixture
def making(on: Scene) -> Iterator[Making]:
    begun = Making(on.folders.root)
    yield begun
    begun.close()


@pytest.fixture
def source() -> Iterator[int]:
    descriptor = os.memfd_create("source")
    os.write(descriptor, BYTES)
    yield descriptor
    os.close(descriptor)


def wanted(path: bytes, content: bytes, attributes: Attributes = PLAIN) -> Wanted:
    return Wanted(path, hash_of(content), BYTES.index(content), len(content), attributes)


def stage(making: Making, source: int, *files: Wanted) -> list[Made | None]:
    making.want(files, source)
    return making.made()


def test_files_are_staged_and_put_with_all_they_are_to_have(
    on: Scene, making: Making, source: int
) -> None:
    coloured = Attributes(0o750, PLAIN.mtime_ns, ((b"user.colour", b"red"),))
    files = [wanted(b"folder/one", ONE, coloured), wanted(b"two", TWO)]
    made = stage(making, source, *files)
    staged = []
    for each, file in zip(made, files, strict=True):
        assert each is not None
        temporary = on.tree / FilePath(os.fsdecode(file.path)).parent / os.fsdecode(each.temporary)
        assert each.fingerprint == Fingerprint.of(temporary.lstat())
        staged.append(on.applier.stage_made(file.path, each))
    assert sorted(each.name for each in on.tree.iterdir() if each not in on.temporaries()) == [
        "folder"
    ]
    on.applier.put_on_disk(staged[-1])
    making.put(staged)
    placed = making.placed()
    assert [each and each.fingerprint for each in placed] == [
        on.fingerprint("folder/one"),
        on.fingerprint("two"),
    ]
    assert on.texts(on.tree) == [ONE, TWO]
    status = (on.tree / "folder/one").stat()
    assert (status.st_mode & 0o777, status.st_mtime_ns) == (0o750, PLAIN.mtime_ns)
    assert os.getxattr(on.tree / "folder/one", "user.colour") == b"red"


def test_what_it_cannot_stage_leaves_nothing(on: Scene, making: Making, source: int) -> None:
    bad = [
        Wanted(b"f", hash_of(b"other"), 0, 3, PLAIN),
        Wanted(b"f", hash_of(BYTES), 0, len(BYTES) + 1, PLAIN),
        wanted(b"missing/f", ONE),
        wanted(b"../f", ONE),
    ]
    assert stage(making, source, *bad) == [None] * 4
    assert on.texts(on.tree.parent) == []


def test_what_it_cannot_put_stays_where_it_was_staged(
    on: Scene, making: Making, source: int
) -> None:
    on.write("taken", b"the user's")
    made = stage(making, source, *(wanted(path, ONE) for path in (b"taken", b"edited", b"gone")))
    taken, edited, gone = (
        on.applier.stage_made(path, each)
        for path, each in zip((b"taken", b"edited", b"gone"), made, strict=True)
        if each is not None
    )
    (on.tree / os.fsdecode(edited.temporary)).write_bytes(b"an edit")
    (on.tree / os.fsdecode(gone.temporary)).unlink()
    making.put([taken, edited, gone])
    assert making.placed() == [None, None, None]
    assert sorted(on.texts(on.tree)) == [b"an edit", ONE, b"the user's"]
    with pytest.raises(RefusedError) as caught:
        on.applier.put(taken, None)
    assert caught.value.reason is Reason.CHANGED
    with pytest.raises(RefusedError):
        on.applier.put(edited, None)
    assert on.temporaries() == []
    assert on.texts(on.kept) == [b"an edit"]


def test_folders_may_move_between_requests(on: Scene, making: Making, source: int) -> None:
    stage(making, source, wanted(b"folder/f", ONE))
    (on.tree / "folder").rename(on.tree / "moved")
    (on.tree / "folder").mkdir()
    stage(making, source, wanted(b"folder/f", ONE))
    assert len(list((on.tree / "moved").iterdir())) == 1
    assert len(list((on.tree / "folder").iterdir())) == 1


def test_its_death_is_told_and_it_leaves_no_process(on: Scene, source: int) -> None:
    making = Making(on.folders.root)
    assert stage(making, source, wanted(b"f", ONE)) != [None]
    os.kill(making.pid, signal.SIGKILL)
    with pytest.raises(RefusedError, match="was killed"):
        making.made()
    with pytest.raises(RefusedError, match="was killed"):
        making.want([wanted(b"f", ONE)], source)
    assert making.is_lost
    making.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(making.pid, os.WNOHANG)


def test_it_ends_when_it_is_closed_also_with_requests_that_nobody_waits_for(
    on: Scene, source: int
) -> None:
    before = set(os.listdir("/proc/self/fd"))
    making = Making(on.folders.root)
    for _ in range(3):
        making.want([wanted(b"f", ONE)], source)
    making.close()
    assert not making.is_lost
    with pytest.raises(ChildProcessError):
        os.waitpid(making.pid, os.WNOHANG)
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("is_up", [True, False])
def test_it_dies_with_who_asks_whatever_it_was_still_to_do(
    tmp_path: FilePath, source: int, *, is_up: bool
) -> None:
    """Also if it had not begun: of what a kill left is decided next."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        making = Making(Folders(str(tmp_path)).root)
        if is_up:
            stage(making, source)
        os.kill(making.pid, signal.SIGSTOP)
        making.want([wanted(b"f", ONE)], source)
        os.write(tell, b"%d" % making.pid)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    pid = int(os.read(told, 99))
    os.close(told)
    os.close(tell)
    if not is_up:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    with Folders(str(tmp_path)):  # which it has locked as long as it lives
        assert list(tmp_path.iterdir()) == []


def test_the_files_of_a_packet_are_not_inherited() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, open("/dev/null") as file:
        maker.send(ours, ["x"], file.fileno())
        plain, (other,) = maker.receive(theirs)
        assert plain == ("x",)
        assert not os.get_inheritable(other)
        os.close(other)
        ours.close()
        with pytest.raises(EOFError):
            maker.receive(theirs)
