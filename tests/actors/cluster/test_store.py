from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from simulacra.actors.cluster import store as stores
from simulacra.actors.cluster.facts import Key
from simulacra.actors.cluster.origins import Log
from simulacra.actors.cluster.outcomes import Outcome
from simulacra.actors.cluster.replica import Replica
from simulacra.actors.cluster.store import Store, StoreError
from tests.actors.cluster.replicas import (
    KEEP,
    NOW,
    Known,
    delete,
    pull,
    replica,
    replicas,
    say,
    shown,
)

WEB, DB = Key("service", "", "web"), Key("service", "", "db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "directory.sqlite"


def logs(of: Replica) -> list[Log]:
    return list(of.logs)


def filled(path: Path) -> tuple[Replica, int]:
    """A file with much in it, and the replica and the life that it is of."""
    [a] = replicas("a")
    with Store(path) as store:
        for number in range(50):
            told = say(a, Key("service", "", str(number)), "x" * 2000)
            store.keep(told, store.life, durable=True)
        return a, store.life


def test_what_was_kept_is_there_again(path: Path) -> None:
    trust = Known("ab")
    a, b = replicas("ab", trust)
    with Store(path) as store:
        life = store.life
        for outcome in (
            say(a, WEB, 1),
            say(a, DB, 2),
            delete(a, WEB),
            say(a, Key("service", "", "x"), 3),
        ):
            store.keep(outcome, life, durable=False)
        store.keep(pull(a, b), life, durable=False)
        store.keep(a.tidy(NOW + KEEP + 60_000), life, durable=False)
    with Store(path) as store:
        again = replica("a", trust, store.logs)
        assert store.life == life
    assert again.logs.digest == a.logs.digest
    assert shown(again) == shown(a)
    assert [log.floor for log in logs(again)] == [3]


def test_a_new_life_is_kept(path: Path) -> None:
    with Store(path) as store:
        store.keep(Outcome(), 77, durable=True)
    with Store(path) as store:
        assert store.life == 77


def test_only_the_owner_may_read_it(path: Path) -> None:
    with Store(path) as store:
        [a] = replicas("a")
        store.keep(say(a, WEB, 1), 1, durable=False)
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert len(modes) == 3


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    path.write_bytes(b"not a database" * 1000)


def scramble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8192:16384] = b"\xa5" * 8192
    path.write_bytes(content)


def change_a_row(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE facts SET data = x'c0' WHERE name = '7'")
    db.close()


@pytest.mark.parametrize("damage", [cut_off, empty, overwrite, scramble, change_a_row])
def test_a_damaged_file_is_set_aside_and_a_new_life_begun(
    path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    _, life = filled(path)
    damage(path)
    damaged = path.read_bytes()
    with caplog.at_level(logging.ERROR), Store(path) as store:
        assert store.logs == []
        assert store.life != life
        [a] = replicas("a")
        store.keep(say(a, WEB, 1), store.life, durable=True)
    [aside] = path.parent.glob("directory.sqlite.damaged-*[0-9a-f]")
    assert aside.read_bytes() == damaged
    assert aside.stat().st_mode & 0o777 == 0o600
    [record] = caplog.records
    assert "is damaged" in record.message
    assert aside.name in record.message
    with Store(path) as store:
        assert len(store.logs) == 1


def test_an_older_file_is_brought_forward(path: Path) -> None:
    a, life = filled(path)
    step = "ALTER TABLE origins ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;"
    with mock.patch.object(stores, "_STEPS", (*stores._STEPS, step)), Store(path) as store:
        assert store.life == life
        assert [log.mark for log in store.logs] == [log.mark for log in logs(a)]
        assert store._db.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_newer_file_is_refused_and_left_alone(path: Path) -> None:
    filled(path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(StoreError, match="has schema 9, and this software knows those up to 1"):
        Store(path)
    assert not list(path.parent.glob("*damaged*"))


def test_where_no_file_can_be_the_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be made: No such file or directory"):
        Store(tmp_path / "nowhere" / "directory.sqlite")


def test_a_full_disk_is_told_and_all_is_written_when_there_is_room(path: Path) -> None:
    [a] = replicas("a")
    with Store(path) as store:
        store._db.execute("PRAGMA max_page_count = 10")
        outcome = Outcome()
        for number in range(9):
            outcome.add(say(a, Key("service", "", str(number)), "x" * 8000))
        with pytest.raises(StoreError, match="make room on the disk"):
            store.keep(outcome, store.life, durable=True)
        store._db.execute("PRAGMA max_page_count = 10000")
        store.rewrite(logs(a), store.life)
    with Store(path) as store:
        assert [log.mark for log in store.logs] == [log.mark for log in logs(a)]
