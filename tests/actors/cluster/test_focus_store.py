import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from simulacra.actors.cluster.epochs import NO_EPOCH, Epoch
from simulacra.actors.cluster.focus_store import DamagedStoreError, FocusStore
from simulacra.actors.cluster.journal import Entry, Journal
from simulacra.actors.cluster.tidings import Save

E = Epoch(3, "nas")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "focus.db"


def written(path: Path, entries: int = 5, *, fold_after: int | None = None) -> Journal:
    """A journal that is on the disk."""
    journal = Journal()
    with closing(FocusStore(path)) as store:
        for number in range(entries):
            body = {"key": f"k{number}", "value": "é"}
            request = f"r{number}"
            entry = journal.entry("set", body, epoch=E, origin="nas/1", at=0.5, request=request)
            journal.take(entry)
            store.save([Save(epoch=E, entries=(entry,))])
            if number == fold_after:
                store.save([Save(base=journal.fold())])
    return journal


@pytest.mark.parametrize("fold_after", [None, 2, 4])
def test_what_was_saved_is_read_back(path: Path, fold_after: int | None) -> None:
    journal = written(path, fold_after=fold_after)
    with closing(FocusStore(path)) as store:
        kept = store.load()
    assert kept.epoch == E
    assert (kept.journal.end, kept.journal.epoch) == (journal.end, journal.epoch)
    assert kept.journal.state == journal.state


def test_a_new_store_is_empty_and_every_store_has_its_own_life(path: Path, tmp_path: Path) -> None:
    with closing(FocusStore(path)) as store, closing(FocusStore(tmp_path / "other")) as other:
        kept = store.load()
        assert (kept.epoch, kept.journal.end) == (NO_EPOCH, (0, ""))
        assert kept.life != other.load().life
        assert store.renew_life() == store.load().life != kept.life
    assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0


def test_a_save_that_fails_leaves_nothing(path: Path) -> None:
    journal = written(path, 1)
    [first] = journal.after(0)
    with closing(FocusStore(path)) as store:
        with pytest.raises(DamagedStoreError):
            store.save([Save(epoch=Epoch(9, "x")), Save(entries=(first,))])
        assert store.load().epoch == E


def crashed(path: Path, target: Path) -> Path:
    """The files as a power cut would leave them: the database and its log, not tidied up."""
    with closing(FocusStore(path)) as store:
        store.save([])
        journal = store.load().journal
        for number in range(3):
            body = {"key": "late", "value": number}
            entry = journal.entry("set", body, epoch=E, origin="nas/1", at=0.5)
            journal.take(entry)
            store.save([Save(entries=(entry,))])
        target.mkdir()
        for suffix in ("", "-wal"):
            (target / f"focus.db{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    return target / "focus.db"


def test_a_tail_that_was_cut_off_is_left_out(path: Path, tmp_path: Path) -> None:
    written(path)
    copy = crashed(path, tmp_path / "copy")
    log = Path(f"{copy}-wal")
    log.write_bytes(log.read_bytes()[:-100])
    with closing(FocusStore(copy)) as store:
        assert store.load().journal.end[0] == 7


def tampered(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)


REPLACE_BASE = "UPDATE facts SET value = replace(value, 'é', 'e') WHERE name = 'base'"


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE entries SET entry = replace(entry, 'k3', 'k9')", "entry 4 is missing or is not"),
        ("DELETE FROM entries WHERE seq = 2", "entry 2 is missing or is not"),
        ("UPDATE entries SET entry = 'x' WHERE seq = 2", "damaged"),
        (REPLACE_BASE, "the base is not"),
        ("UPDATE facts SET value = '[1' WHERE name = 'epoch'", "damaged"),
        ("DELETE FROM facts WHERE name = 'life'", "damaged"),
        ("DROP TABLE entries", "no such table"),
    ],
)
def test_damage_is_found_and_says_what_to_do(path: Path, statement: str, says: str) -> None:
    written(path, fold_after=None if "base" not in statement else 2)
    tampered(path, statement)
    with (
        closing(FocusStore(path)) as store,
        pytest.raises(DamagedStoreError, match=says) as caught,
    ):
        store.load()
    assert f"mv {path} {path}.damaged" in str(caught.value)


def test_a_file_of_something_else_or_of_a_newer_version_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(DamagedStoreError, match="not a database"):
        FocusStore(path)
    path.unlink()
    written(path)
    tampered(path, "PRAGMA user_version = 99")
    with pytest.raises(DamagedStoreError, match=r"has schema 99.*install the newer simulacra"):
        FocusStore(path)


def test_entries_are_checked_against_the_base(path: Path) -> None:
    written(path, fold_after=2)
    with closing(FocusStore(path)) as store:
        entries: Iterator[Entry] = iter(store.load().journal.after(3))
        assert [entry.seq for entry in entries] == [4, 5]


def test_a_full_disk_is_no_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = written(path)
    with sqlite3.connect(path) as database:
        [(pages,)] = database.execute("PRAGMA page_count")
    connect = sqlite3.connect

    def small(*args: object, **options: object) -> sqlite3.Connection:
        database: sqlite3.Connection = connect(*args, **options)  # type: ignore[call-overload]
        database.execute(f"PRAGMA max_page_count = {pages}")
        return database

    monkeypatch.setattr(sqlite3, "connect", small)
    body = {"key": "k", "value": "x" * 100_000}
    entry = journal.entry("set", body, epoch=E, origin="nas/1", at=0.5, request="r")
    with closing(FocusStore(path)) as store:
        with pytest.raises(DamagedStoreError, match="df -h"):
            store.save([Save(entries=(entry,))])
        assert store.load().journal.end == journal.end
