from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path as FilePath

import pytest

from simulacra.actors.data.applying import syscalls
from simulacra.actors.data.applying.folders import Folders, RootLostError, RootTakenError
from simulacra.actors.data.applying.quarantine import Quarantine
from simulacra.actors.data.applying.refusals import Reason, RefusedError
from simulacra.actors.data.entries import QUARANTINE, TEMPORARY, Attributes, Fingerprint, Kind
from tests.actors.data.applying.applied import PLAIN, Scene, scene


@pytest.fixture
def on(tmp_path: FilePath) -> Iterator[Scene]:
    with scene(tmp_path / "scene") as made:
        yield made
        assert made.temporaries() == []


def test_a_new_file_has_content_mode_time_and_attributes(on: Scene) -> None:
    wanted = Attributes(0o640, 123_456_789_000, ((b"user.tag", b"blue"),))
    staged = on.stage("f", b"hello", wanted)
    applied = on.applier.put(staged, None)
    on.applier.sync()
    status = (on.tree / "f").stat()
    assert (on.tree / "f").read_bytes() == b"hello"
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o640, 123_456_789_000)
    assert applied.fingerprint == on.fingerprint("f")
    tags = [] if applied.lacking else [("user.tag", b"blue")]
    path = on.tree / "f"
    assert [(name, os.getxattr(path, name)) for name in os.listxattr(path)] == tags


def test_a_file_from_the_first_second_of_1970_stays_so(on: Scene) -> None:
    on.applier.put(on.stage("f", b"", Attributes(0o600, 0)), None)
    assert (on.tree / "f").stat().st_mtime_ns == 0


def test_a_replaced_file_is_kept(on: Scene) -> None:
    expected = on.write("f", b"old")
    applied = on.put("f", b"new", expected)
    assert on.texts(on.tree) == [b"new"]
    assert on.texts(on.kept) == [b"old"]
    assert applied.fingerprint == on.fingerprint("f")


def test_a_keeper_may_copy_and_leave_what_was_displaced(on: Scene) -> None:
    seen = []

    def copy(folder: int, temporary: bytes, path: bytes) -> None:
        descriptor = os.open(temporary, os.O_RDONLY, dir_fd=folder)
        seen.append((path, os.read(descriptor, 100)))
        os.close(descriptor)

    on.applier.remove(b"f", on.write("f", b"old"), Kind.FILE, copy)
    assert seen == [(b"f", b"old")]
    assert on.texts(on.tree) == []


def test_what_cannot_be_kept_is_not_replaced(on: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: int, temporary: bytes, path: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(on.applier, "_keep", full)
    expected = on.write("f", b"old")
    with pytest.raises(RefusedError, match="f: No space left") as refused:
        on.put("f", b"new", expected)
    assert refused.value.reason is Reason.FULL
    with pytest.raises(RefusedError):
        on.applier.remove(b"f", on.fingerprint("f"), Kind.FILE)
    assert on.texts(on.tree) == [b"old"]


def test_links_are_made_replaced_and_never_followed(on: Scene) -> None:
    outside = on.base / "outside"
    outside.write_bytes(b"mine")
    applied = on.applier.put(
        on.applier.stage_link(b"l", bytes(outside), Attributes(0o777, 77)), None
    )
    assert os.readlink(on.tree / "l") == str(outside)
    assert (on.tree / "l").lstat().st_mtime_ns == 77
    assert applied.fingerprint is not None
    on.put("l", b"a file now", applied.fingerprint)
    assert (outside.read_bytes(), on.texts(on.tree)) == (b"mine", [b"a file now"])
    [kept] = on.kept.iterdir()
    assert kept.is_symlink()


def test_a_folder_swapped_for_a_link_leads_nowhere(on: Scene) -> None:
    outside = on.base / "outside"
    outside.mkdir()
    (on.tree / "d").symlink_to(outside)
    for one_step in (True, False):
        on.folders._one_step = one_step
        with pytest.raises(RefusedError, match="d: a name on the way") as refused:
            on.put("d/f", b"new")
        assert refused.value.reason is Reason.NO_FOLDER
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (b"", Reason.BAD_NAME),
        (b"/etc/passwd", Reason.BAD_NAME),
        (b"d/../../f", Reason.BAD_NAME),
        (b"d//f", Reason.BAD_NAME),
        (b"./f", Reason.BAD_NAME),
        (b"f\0", Reason.BAD_NAME),
        (b"x" * 256, Reason.NAME_TOO_LONG),
        (TEMPORARY + b"n1-1", Reason.BAD_NAME),
        (QUARANTINE + b"/f", Reason.BAD_NAME),
    ],
)
def test_bad_names_are_refused_before_anything_is_done(
    on: Scene, path: bytes, reason: Reason
) -> None:
    there = Fingerprint(0, 0, 0, 0, 0)
    tries = (
        lambda: on.applier.stage_file(path, lambda _: None, PLAIN, 0),
        lambda: on.applier.make_folder(path, PLAIN),
        lambda: on.applier.move(b"f", path, there, Kind.FILE),
        lambda: on.applier.remove(path, there, Kind.FILE),
    )
    for attempt in tries:
        with pytest.raises(RefusedError) as refused:
            attempt()
        assert refused.value.reason is reason
    assert list(on.tree.iterdir()) == []


@pytest.mark.parametrize("name", [b"\xff\xfe", b"\n", b"\\", "Ä".encode(), b"x" * 255])
def test_odd_names_are_names(on: Scene, name: bytes) -> None:
    path = FilePath(os.fsdecode(bytes(on.tree) + b"/" + name))
    on.applier.put(on.applier.stage_file(name, lambda _: None, PLAIN, 0), None)
    on.applier.put(
        on.applier.stage_file(name, lambda _: None, PLAIN, 0), Fingerprint.of(path.stat())
    )
    on.applier.remove(name, Fingerprint.of(path.stat()), Kind.FILE)
    assert list(on.tree.iterdir()) == []


def test_a_file_that_is_open_for_writing_is_busy(on: Scene) -> None:
    expected = on.write("f", b"old")
    with (on.tree / "f").open("r+b") as file:
        with pytest.raises(RefusedError) as refused:
            on.put("f", b"new", expected)
        assert refused.value.reason is Reason.BUSY
        with pytest.raises(RefusedError) as refused:
            on.applier.remove(b"f", expected, Kind.FILE)
        assert refused.value.reason is Reason.BUSY
        moved = on.applier.move(b"f", b"g", expected, Kind.FILE)
        assert moved.fingerprint is None  # somebody may be writing: read it again
        file.write(b"edit")
    assert on.texts(on.tree) == [b"edit"]


def test_the_wrong_size_or_a_failing_writer_leaves_nothing(on: Scene) -> None:
    with pytest.raises(RefusedError, match="0 bytes came, not 5"):
        on.applier.stage_file(b"f", lambda _: None, PLAIN, 5)

    def fails(_: int) -> None:
        raise ValueError("corrupt")

    with pytest.raises(ValueError, match="corrupt"):
        on.applier.stage_file(b"f", fails, PLAIN, 5)
    assert list(on.tree.iterdir()) == []


def test_what_is_staged_can_be_thrown_away(on: Scene) -> None:
    on.applier.discard(on.stage("f", b"new"))
    on.applier.sync()


def test_folders_are_made_moved_and_removed(on: Scene) -> None:
    on.applier.make_folder(b"d", Attributes(0o555))
    with pytest.raises(RefusedError) as refused:
        on.applier.make_folder(b"d", Attributes(0o755))
    assert refused.value.reason is Reason.CHANGED
    on.put("d/f", b"in it")
    on.applier.move(b"d", b"e", on.fingerprint("d"), Kind.FOLDER)
    with pytest.raises(RefusedError) as refused:
        on.applier.remove(b"e", on.fingerprint("e"), Kind.FOLDER)
    assert refused.value.reason is Reason.NOT_EMPTY
    with pytest.raises(RefusedError) as refused:
        on.applier.move(b"e", b"e/inside", on.fingerprint("e"), Kind.FOLDER)
    assert refused.value.reason is Reason.UNSUPPORTED
    on.applier.remove(b"e/f", on.fingerprint("e/f"), Kind.FILE)
    on.applier.remove(b"e", on.fingerprint("e"), Kind.FOLDER)
    on.applier.sync()
    assert list(on.tree.iterdir()) == []


def test_a_folder_is_no_file_and_the_other_way_round(on: Scene) -> None:
    (on.tree / "d").mkdir()
    expected = on.write("f", b"")
    for path, there, kind in (
        (b"d", on.fingerprint("d"), Kind.FILE),
        (b"f", expected, Kind.FOLDER),
    ):
        with pytest.raises(RefusedError) as refused:
            on.applier.remove(path, there, kind)
        assert refused.value.reason is Reason.CHANGED
    with pytest.raises(RefusedError) as refused:
        on.put("d", b"", on.fingerprint("d"))
    assert refused.value.reason is Reason.CHANGED
    with pytest.raises(RefusedError) as refused:
        on.put("f/x", b"")
    assert refused.value.reason is Reason.NO_FOLDER


def test_attributes_change_only_from_what_they_were(on: Scene) -> None:
    expected = on.write("f", b"text")
    os.chmod(on.tree / "f", 0o600)
    before = Attributes(0o600, on.fingerprint("f").mtime_ns)
    after = Attributes(0o444, 99, ((b"user.a", b"1"),))
    with pytest.raises(RefusedError) as refused:
        on.applier.set_attributes(b"f", expected, Kind.FILE, before, after)
    assert refused.value.reason is Reason.CHANGED  # somebody has changed it since
    applied = on.applier.set_attributes(b"f", on.fingerprint("f"), Kind.FILE, before, after)
    status = (on.tree / "f").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o444, 99)
    assert applied.fingerprint == on.fingerprint("f")
    assert applied.lacking or os.getxattr(on.tree / "f", "user.a") == b"1"


def test_a_folders_mode_changes_only_from_what_it_was(on: Scene) -> None:
    (on.tree / "d").mkdir(mode=0o700)
    there = on.fingerprint("d")
    with pytest.raises(RefusedError):
        on.applier.set_attributes(b"d", there, Kind.FOLDER, Attributes(0o755), Attributes(0o500))
    on.applier.set_attributes(b"d", there, Kind.FOLDER, Attributes(0o700), Attributes(0o500))
    assert stat.S_IMODE((on.tree / "d").stat().st_mode) == 0o500
    on.applier.sync()


def test_sockets_and_pipes_are_left_alone(on: Scene) -> None:
    os.mkfifo(on.tree / "p")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(on.tree / "s"))
    for path in ("p", "s"):
        with pytest.raises(RefusedError) as refused:
            on.put(path, b"new")
        assert refused.value.reason is Reason.CHANGED


def test_an_import_goes_to_quarantine(on: Scene) -> None:
    quarantine = Quarantine(on.folders, b"laptop")
    for text in (b"one", b"two"):
        expected = on.write("d/f", text)
        on.applier.remove(b"d/f", expected, Kind.FILE, quarantine.take)
    on.applier.remove(b"d/f", on.write("d/f", b"three"), Kind.FILE, quarantine.take)
    there = on.tree / os.fsdecode(QUARANTINE)
    assert [each.read_bytes() for each in sorted(there.rglob("f"))] == [b"one", b"two", b"three"]
    assert sorted(each.name for each in there.iterdir()) == ["laptop", "laptop.1", "laptop.2"]


def test_what_was_done_in_a_root_that_was_moved_meanwhile_is_not_taken_for_done(on: Scene) -> None:
    on.applier.make_folder(b"made", Attributes(0o755))
    on.applier.sync()
    on.applier.make_folder(b"more", Attributes(0o755))
    on.tree.rename(on.tree.with_name("moved"))
    on.tree.mkdir()
    with pytest.raises(RootLostError, match="another folder"):
        on.applier.sync()
    on.tree.rmdir()
    on.tree.with_name("moved").rename(on.tree)
    on.applier.sync()


def test_a_root_is_known_and_changed_by_one_process_only(tmp_path: FilePath) -> None:
    root = tmp_path / "root"
    with pytest.raises(RootLostError, match="is not there, so nothing of the tree is taken"):
        Folders(str(root))
    root.mkdir()
    with Folders(str(root)) as folders:
        with pytest.raises(RootTakenError, match="another process"):
            Folders(str(root))
        folders.check_root()
        root.rename(tmp_path / "away")
        with pytest.raises(RootLostError, match="No such file"):
            folders.check_root()
        root.mkdir()
        with pytest.raises(RootLostError, match="another disk"):
            folders.check_root()
        identity = folders.device, folders.inode
    with pytest.raises(RootLostError, match="another disk"):
        Folders(str(root), identity)
    Folders(str(tmp_path / "away"), identity).close()


def test_a_path_may_be_longer_than_the_kernel_takes_at_once(tmp_path: FilePath) -> None:
    names = [b"f" * 200] * 25
    (root := tmp_path / "root").mkdir()
    with Folders(str(root)) as folders:
        for depth, name in enumerate(names):
            os.mkdir(name, dir_fd=folders.open(b"/".join(names[:depth])))
        assert os.listdir(folders.open(b"/".join(names))) == []
        assert os.listdir(folders.open(names[0])) == [os.fsdecode(names[0])]
    shutil.rmtree(root)  # Other ways to remove it know paths alone.


def test_more_folders_than_stay_open(on: Scene) -> None:
    for number in range(100):
        on.applier.make_folder(b"%d" % number, Attributes(0o755))
        on.put(f"{number}/f", b"x")
    on.applier.sync()
    assert len(on.texts(on.tree)) == 100


def test_a_user_who_replaces_again_and_again_is_never_overwritten(
    on: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each exchange and after it another version is saved; the last one stays."""
    expected = on.write("f", b"old")
    saved: list[bytes] = []
    raw = syscalls.exchange

    def exchange(folder: int, one: bytes, other: bytes) -> None:
        if len(saved) < 6:
            saved.append(b"version %d" % len(saved))
            (on.tree / "beside").write_bytes(saved[-1])
            (on.tree / "beside").rename(on.tree / "f")
        raw(folder, one, other)

    monkeypatch.setattr(syscalls, "exchange", exchange)
    with pytest.raises(RefusedError):
        on.put("f", b"new", expected)
    assert on.texts(on.tree) == [saved[-1]]
