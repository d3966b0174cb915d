from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulacra.actors.data.entries import Kind
from simulacra.actors.data.scanning import attributes
from simulacra.actors.data.scanning.attributes import (
    Descent,
    attributes_of,
    kind,
    open_file,
)


@contextmanager
def opened(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_the_attributes_of_a_file_and_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("x")
    os.setxattr(path, "user.b", b"\0\xff")
    os.setxattr(path, "user.a", b"")
    path.chmod(0o4751)
    os.utime(path, ns=(1, 1_234_567_891))
    with opened(path) as file, opened(tmp_path) as folder:
        read = attributes_of(file, os.fstat(file))
        assert attributes_of(folder, os.fstat(folder)).mtime_ns == 0
    assert (read.mode, read.mtime_ns) == (0o4751, 1_234_567_891)
    assert read.xattrs == ((b"user.a", b""), (b"user.b", b"\0\xff"))


def test_too_many_attributes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attributes, "XATTRS_LIMIT", 100)
    path = tmp_path / "a"
    path.touch()
    os.setxattr(path, "user.a", b"x" * 100)
    with opened(path) as file, pytest.raises(OSError, match="more than 100 bytes"):
        attributes.xattrs(file)


def test_what_has_no_attributes_has_none() -> None:
    with opened(Path("/proc/self/status")) as file:
        assert attributes.xattrs(file) == ()


def test_kinds() -> None:
    assert [kind(os.stat(path).st_mode) for path in ("/dev/null", "/proc/version", "/")] == [
        None,
        Kind.FILE,
        Kind.FOLDER,
    ]


@pytest.mark.parametrize("target", ["secret", "/etc/passwd", "nowhere"])
def test_no_link_is_opened(tmp_path: Path, target: str) -> None:
    (tmp_path / "secret").touch()
    (tmp_path / "a").symlink_to(target)
    with opened(tmp_path) as folder, pytest.raises(OSError, match="symbolic"):
        open_file(b"a", folder)


def test_a_pipe_holds_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with opened(tmp_path) as folder:
        os.close(open_file(b"a", folder))


def test_a_descent_opens_each_folder_in_the_one_before_it(tmp_path: Path) -> None:
    deep = b"/".join([b"n"] * 200)
    os.makedirs(os.path.join(os.fsencode(tmp_path), deep))
    (tmp_path / "m").mkdir()
    (tmp_path / "link").symlink_to("m")
    before = len(os.listdir("/proc/self/fd"))
    with opened(tmp_path) as root:
        descent = Descent(root)
        for path in (b"", deep, b"m", deep, deep[:99], deep[:101], b"n", b"m", b""):
            there = os.fstat(descent.open(path))
            assert os.path.samestat(there, os.stat(os.path.join(os.fsencode(tmp_path), path)))
            assert len(os.listdir("/proc/self/fd")) < before + 70
        for path in (b"link", b"nowhere", b"m/nowhere"):
            with pytest.raises(OSError):
                descent.open(path)
        descent.close()
    assert len(os.listdir("/proc/self/fd")) == before
