"""What other hosts get of a tree: pieces of what is there, and of nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.data.content.manifest import hash_of
from simulacra.actors.data.trees.asking import Piece
from simulacra.actors.data.trees.serving import Server
from tests.actors.data.trees.copies import Copies, Copy
from tests.actors.data.trees.test_local_tree import OLD, write


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    with Copies(tmp_path, "a") as copies:
        write(copies["a"].root / "x", "some text")
        write(copies["a"].root / "y", "another")
        copies["a"].tree.scan()
        yield copies["a"]


def served(copy: Copy, *pieces: Piece) -> list[bytes | None]:
    server = Server(copy.place)
    descriptor = os.memfd_create("pack")
    try:
        lengths = server.pack(pieces, descriptor)
        found: list[bytes | None] = []
        at = 0
        for length in lengths:
            found.append(None if length < 0 else os.pread(descriptor, length, at))
            at += max(length, 0)
        assert at == os.fstat(descriptor).st_size
        return found
    finally:
        os.close(descriptor)
        server.close()


X, Y = hash_of(b"some text"), hash_of(b"another")


def test_pieces_come_one_after_the_other(copy: Copy) -> None:
    pieces = [Piece(X, 0, 4), Piece(X, 5, 4), Piece(b"\0" * 32, 0, 9), Piece(Y, 0, 7)]
    assert served(copy, *pieces) == [b"some", b"text", None, b"another"]
    assert served(copy) == []


def test_what_is_shorter_than_it_was_is_sent_as_far_as_it_goes(copy: Copy) -> None:
    assert served(copy, Piece(X, 5, 400), Piece(X, 400, 4)) == [b"text", b""]


def test_a_piece_that_cannot_be_is_none_and_the_others_come(copy: Copy) -> None:
    assert served(copy, Piece(X, -1, 4), Piece(Y, 0, 7)) == [None, b"another"]


def test_a_file_that_was_edited_or_became_a_link_is_not_sent(copy: Copy, tmp_path: Path) -> None:
    (copy.root / "x").write_text("edited, not looked at")
    (tmp_path / "secret").write_text("another")
    os.utime(tmp_path / "secret", (OLD, OLD))
    (copy.root / "y").unlink()
    (copy.root / "y").symlink_to(tmp_path / "secret")
    assert served(copy, Piece(X, 0, 9), Piece(Y, 0, 7)) == [None, None]


def test_a_journal_that_has_nothing_yet_can_be_read(tmp_path: Path) -> None:
    with Copies(tmp_path / "new", "b") as copies:
        server = Server(copies["b"].place)
        try:
            replica, last, vector = server.reader.state()
            assert (replica.host, last, vector) == ("b", 0, {})
            assert server.reader.changes(0, 10) == []
        finally:
            server.close()


def test_without_a_root_what_is_known_is_told(copy: Copy) -> None:
    elsewhere = copy.root.with_name("elsewhere")
    server = Server(copy.place)
    assert server.is_of_root()
    copy.root.rename(elsewhere)
    assert not server.is_of_root()
    server.close()
    assert served(copy, Piece(X, 0, 4)) == [None]
    without = Server(copy.place)
    assert without.is_of_root()
    assert len(without.reader.changes(0, 10)) == 2
    copy.root.mkdir()
    assert not without.is_of_root()
    copy.root.rmdir()
    elsewhere.rename(copy.root)
    assert not without.is_of_root()
    without.close()
    assert served(copy, Piece(X, 0, 4)) == [b"some"]
