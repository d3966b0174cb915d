from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from simulacra.actors.databases import DatabaseError, open_database
from tests.killing import killed, needs_strace, points
from tests.support import examples

FIRST = "CREATE TABLE a (x);"
SECOND = "CREATE TABLE b (x); INSERT INTO b SELECT x FROM a;"
WHAT = "the list of things"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "things.sqlite"


def fill(path: Path) -> None:
    db, _ = open_database(path, [FIRST], WHAT)
    with closing(db), db:
        db.executemany("INSERT INTO a VALUES (?)", [("x" * 500,)] * 100)


def test_a_new_one_is_private_and_said_to_be_new(path: Path) -> None:
    db, is_new = open_database(path, [FIRST], WHAT)
    db.close()
    assert is_new
    assert path.stat().st_mode & 0o777 == 0o600
    db, is_new = open_database(path, [FIRST], WHAT)
    db.close()
    assert not is_new


def test_an_older_one_is_brought_forward(path: Path) -> None:
    fill(path)
    db, is_new = open_database(path, [FIRST, SECOND], WHAT)
    with closing(db):
        assert db.execute("SELECT count(*) FROM b").fetchone() == (100,)
    assert not is_new


def test_a_newer_one_is_refused_and_left_alone(path: Path) -> None:
    db, _ = open_database(path, [FIRST, SECOND], WHAT)
    db.close()
    content = path.read_bytes()
    with pytest.raises(DatabaseError, match=r"has schema 2.*install the newer"):
        open_database(path, [FIRST], WHAT)
    assert path.read_bytes() == content


@pytest.mark.parametrize("how", ["garbage", "cut off", "overwritten"])
def test_a_damaged_one_is_set_aside(path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    fill(path)
    content = path.read_bytes()
    damaged = {
        "garbage": b"garbage" * 999,
        "cut off": content[: len(content) // 2],
        "overwritten": content[:4096] + b"\xff" * 4096 + content[8192:],
    }[how]
    path.write_bytes(damaged)
    with caplog.at_level(logging.WARNING):
        db, is_new = open_database(path, [FIRST], WHAT)
    with closing(db):
        assert db.execute("SELECT count(*) FROM a").fetchone() == (0,)
    assert is_new
    [aside] = path.parent.glob("things.sqlite.damaged-*")
    assert aside.read_bytes() == damaged
    assert aside.name in caplog.text


def test_what_cannot_be_opened_is_told(path: Path) -> None:
    path.mkdir()
    with pytest.raises(DatabaseError, match=WHAT):
        open_database(path, [FIRST], WHAT)
    with pytest.raises(DatabaseError, match="cannot be made"):
        open_database(path / "no" / "folder", [FIRST], WHAT)


def test_a_step_that_fails_leaves_what_was_there(path: Path) -> None:
    fill(path)
    with pytest.raises(DatabaseError, match="cannot be opened"):
        open_database(path, [FIRST, "CREATE TABLE c (x); CREATE TABLE a (x);"], WHAT)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM a").fetchone() == (100,)
    assert not list(path.parent.glob("*damaged*"))


PROGRAM = f"""
import sys
from pathlib import Path
from simulacra.actors.databases import open_database
open_database(Path(sys.argv[1]), [{FIRST!r}, {SECOND!r}], "it")[0].close()
"""


@needs_strace
@pytest.mark.timeout(1200)
def test_killed_while_it_is_made_it_is_made_the_next_time(tmp_path: Path) -> None:
    found = points(tmp_path / "log", PROGRAM, str(tmp_path / "whole"), most=examples(4, many=10))
    for number, point in enumerate(found):
        path = tmp_path / str(number)
        killed(point, PROGRAM, str(path))
        db, _ = open_database(path, [FIRST, SECOND], WHAT)
        with closing(db):
            assert db.execute("SELECT count(*) FROM b").fetchone() == (0,)
        assert not list(tmp_path.glob("*damaged*"))
