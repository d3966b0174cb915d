from __future__ import annotations

import logging
import os
import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from blake3 import blake3
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from simulacra.actors.data.content import chunk_store, pack_index
from simulacra.actors.data.content.chunk_store import (
    ChunkStore,
    ChunkStoreError,
    ChunkStoreFullError,
)
from simulacra.actors.data.content.manifest import LARGEST_CHUNK, hash_of
from simulacra.actors.databases import DatabaseError
from tests.disks import small_disk
from tests.killing import killed, needs_strace, points
from tests.support import examples

KIB = 1024
seeds = st.integers(0, 29)


def chunk(seed: int, length: int = KIB) -> tuple[bytes, bytes]:
    data = blake3(b"%d" % seed).digest(length)
    return hash_of(data), data


def all_of(hashes: Sequence[bytes]) -> Collection[bytes]:
    return hashes


def none_of(_: Sequence[bytes]) -> Collection[bytes]:
    return ()


def opened(folder: Path, limit: int = 10**9, keeps: chunk_store.Keeps = all_of) -> ChunkStore:
    return ChunkStore(folder, limit=limit, keeps=keeps)


def fill(store: ChunkStore, seeds: range, length: int = KIB) -> None:
    for seed in seeds:
        store.put(*chunk(seed, length))
    store.sync()


def there(store: ChunkStore, seeds: range, length: int = KIB) -> list[int]:
    return [seed for seed in seeds if store.get(chunk(seed, length)[0]) is not None]


@pytest.fixture(autouse=True)
def small_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs of few chunks, so that few chunks make many packs."""
    monkeypatch.setattr(pack_index, "PACK_BYTES", 10 * KIB)
    monkeypatch.setattr(chunk_store, "GATHERED_BYTES", 4 * KIB)


def packs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.pack"))


def test_what_was_put_is_there_at_once_and_after_opening_again(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for seed in range(30):
            name, data = chunk(seed)
            store.put(name, data)
            assert store.get(name) == data
        assert store.missing([chunk(5)[0], chunk(99)[0], chunk(29)[0]]) == [chunk(99)[0]]
        assert store.get(chunk(99)[0]) is None
    assert 1 < len(packs(tmp_path)) < 10
    with opened(tmp_path) as store:
        assert there(store, range(40)) == list(range(30))


def test_a_chunk_is_kept_once(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        fill(store, range(10))
        size = store.size
        fill(store, range(10))
        store.put(*chunk(1))
        store.put(*chunk(1))
        store.sync()
        assert store.size == size


def test_text_takes_less_room(tmp_path: Path) -> None:
    text = b"def f(x): return x\n" * 1000
    with opened(tmp_path) as store:
        store.put(hash_of(text), text)
        store.sync()
        assert store.size < len(text) / 10
        assert store.get(hash_of(text)) == text


def test_bytes_with_another_hash_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        with pytest.raises(ValueError, match="not the chunk"):
            store.put(chunk(1)[0], chunk(2)[1])
        large = bytes(LARGEST_CHUNK + 1)
        with pytest.raises(ValueError, match="not the chunk"):
            store.put(hash_of(large), large)
        assert store.missing([chunk(1)[0]])


def test_a_damaged_chunk_is_missing_put_aside_and_can_be_put_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name, data = chunk(0)
    with opened(tmp_path) as store:
        fill(store, range(10))
        content = bytearray(packs(tmp_path)[0].read_bytes())
        content[content.index(data) + 100] ^= 1
        packs(tmp_path)[0].write_bytes(content)
        assert store.get(name) is None
        assert store.missing([name]) == [name]
        assert there(store, range(10)) == list(range(1, 10))
        assert (tmp_path / "damaged" / name.hex()).stat().st_size > KIB
        assert "counts as missing" in caplog.text
        store.put(name, data)
        store.sync()
        assert store.get(name) == data
    with opened(tmp_path) as store:
        assert store.get(name) == data


def test_a_damaged_chunk_that_is_put_again_is_whole_again(tmp_path: Path) -> None:
    name, data = chunk(0)
    with opened(tmp_path) as store:
        fill(store, range(10))
        first = packs(tmp_path)[0]
        first.write_bytes(first.read_bytes().replace(data, data[:-1] + b"?"))
        store.put(name, data)
        store.sync()
        assert store.get(name) == data


def test_what_another_process_put_and_did_not_sync_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as store:
        for seed in range(30):
            store.put(*chunk(seed))
    synced: list[Path] = []
    monkeypatch.setattr(
        os, "fdatasync", lambda one: synced.append(Path(f"/proc/self/fd/{one}").readlink())
    )
    with opened(tmp_path) as store:
        store.sync()
    assert sorted(synced) == packs(tmp_path)


@pytest.mark.parametrize("how", ["gone", "cut"])
def test_chunks_of_a_pack_that_is_lost_are_missing(tmp_path: Path, how: str) -> None:
    with opened(tmp_path) as store:
        fill(store, range(30))
    lost = packs(tmp_path)[1]
    if how == "gone":
        lost.unlink()
    else:
        lost.write_bytes(lost.read_bytes()[: 2 * KIB])
    with opened(tmp_path) as store:
        left = there(store, range(30))
        assert 15 < len(left) < 30
        assert store.missing(chunk(seed)[0] for seed in left) == []
        fill(store, range(30))
        assert there(store, range(30)) == list(range(30))


@pytest.mark.parametrize("how", ["gone", "garbage", "cut"])
def test_a_lost_index_is_made_anew_from_the_packs(tmp_path: Path, how: str) -> None:
    with opened(tmp_path) as store:
        fill(store, range(30))
    index = tmp_path / "index.sqlite"
    content = index.read_bytes()
    index.unlink()
    if how != "gone":
        index.write_bytes(b"garbage" * 999 if how == "garbage" else content[:5000])
    with opened(tmp_path) as store:
        assert there(store, range(30)) == list(range(30))


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.pack").write_text("mine")
    with opened(tmp_path) as store:
        fill(store, range(5))
    assert (tmp_path / "notes.pack").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ChunkStoreError, match="cannot be read or written"):
        opened(tmp_path / "file")
    (tmp_path / "store" / "index.sqlite").mkdir(parents=True)
    with pytest.raises((ChunkStoreError, DatabaseError), match="index"):
        opened(tmp_path / "store")


def test_over_the_limit_what_was_not_used_goes_first(tmp_path: Path) -> None:
    with opened(tmp_path, limit=60 * KIB, keeps=none_of) as store:
        fill(store, range(40))
        first = there(store, range(10))
        fill(store, range(40, 70))
        assert store.size <= 60 * KIB
        assert first == there(store, range(10)) == list(range(10))
        assert there(store, range(60, 70)) == list(range(60, 70))
        assert len(there(store, range(70))) < 60


def test_what_must_stay_stays(tmp_path: Path) -> None:
    stay = {chunk(seed)[0] for seed in range(0, 200, 5)}
    with opened(
        tmp_path, limit=60 * KIB, keeps=lambda some: [one for one in some if one in stay]
    ) as store:
        fill(store, range(200))
        assert store.size <= 60 * KIB
        kept = there(store, range(200))
        assert set(range(0, 200, 5)) <= set(kept)
    with opened(tmp_path) as store:
        assert set(range(0, 200, 5)) <= set(there(store, range(200)))


def test_a_store_where_all_must_stay_refuses_more(tmp_path: Path) -> None:
    with opened(tmp_path, limit=30 * KIB) as store:
        fill(store, range(20))
        with pytest.raises(ChunkStoreFullError, match="must stay"):
            fill(store, range(20, 60))
        assert there(store, range(20)) == list(range(20))


def test_shrinking_drops_what_need_not_stay(tmp_path: Path) -> None:
    stay = {chunk(7)[0]}
    with opened(tmp_path, keeps=lambda _: stay) as store:
        fill(store, range(40))
        freed = store.shrink(0)
        assert freed > 35 * KIB
        assert there(store, range(40)) == [7]
        assert len(packs(tmp_path)) == 1
    with opened(tmp_path, keeps=lambda _: stay) as store:
        assert there(store, range(40)) == [7]


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    length = 20 * KIB
    with small_disk(tmp_path / "disk", "8m") as disk:
        with opened(disk) as store:
            fill(store, range(100), length)
            with pytest.raises(ChunkStoreError, match="make room on the disk"):
                fill(store, range(100, 1000), length)
            assert there(store, range(100), length) == list(range(100))
        with opened(disk, keeps=none_of) as store:
            assert there(store, range(100), length) == list(range(100))
            assert store.shrink(0) > 2_000_000
            fill(store, range(1000, 1050), length)
            assert there(store, range(1000, 1050), length) == list(range(1000, 1050))


def test_threads_may_use_it_together(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for seed in range(start, start + 60):
                store.put(*chunk(seed))
                assert store.get(chunk(seed)[0]) == chunk(seed)[1]
            store.sync()
        except BaseException as error:
            failed.append(error)

    with opened(tmp_path) as store:
        threads = [threading.Thread(target=work, args=(start,)) for start in (0, 30, 60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert there(store, range(120)) == list(range(120))


PROGRAM = """
import sys
from pathlib import Path
from simulacra.actors.data.content import chunk_store, pack_index
from tests.actors.data.content.test_chunk_store import chunk, opened
pack_index.PACK_BYTES = 10 * 1024
chunk_store.GATHERED_BYTES = 4 * 1024
stay = {chunk(seed)[0] for seed in range(0, 40, 3)}
with opened(Path(sys.argv[1]), keeps=lambda some: [one for one in some if one in stay]) as store:
    for start in range(0, 40, 10):
        for seed in range(start, start + 10):
            store.put(*chunk(seed))
        store.sync()
        print(start + 10, flush=True)
    store.shrink(0)
    print("shrunk", flush=True)
"""


@needs_strace
@pytest.mark.timeout(1200)
def test_a_kill_at_any_call_loses_nothing_that_was_synced(tmp_path: Path) -> None:
    found = points(tmp_path / "log", PROGRAM, str(tmp_path / "whole"), most=examples(4, many=25))
    for number, point in enumerate(found):
        folder = tmp_path / str(number)
        said = killed(point, PROGRAM, str(folder)).split()
        synced = max((int(word) for word in said if word.isdecimal()), default=0)
        with opened(folder) as store:
            left = there(store, range(40))
            # Until the end it may have been shrinking.
            expected = range(synced) if synced < 40 else range(0, 40, 3)
            assert set(expected) <= set(left), point
            assert store.missing(chunk(seed)[0] for seed in left) == []
            fill(store, range(40))
            assert there(store, range(40)) == list(range(40))


class Using(RuleBasedStateMachine):
    """The store against a set, with damage and new beginnings in between."""

    def __init__(self) -> None:
        super().__init__()
        logging.getLogger(chunk_store.__name__).setLevel(logging.ERROR)
        self._folder = TemporaryDirectory()
        self.put: set[int] = set()
        self.stay: set[int] = set()
        self.store = self.opened()

    def opened(self) -> ChunkStore:
        return opened(Path(self._folder.name), limit=20 * KIB, keeps=self.keeps)

    def keeps(self, hashes: Sequence[bytes]) -> Collection[bytes]:
        return {chunk(seed)[0] for seed in self.stay}.intersection(hashes)

    @rule(seed=seeds, must_stay=st.booleans())
    def put_one(self, seed: int, must_stay: bool) -> None:
        if must_stay and len(self.stay) < 8:
            self.stay.add(seed)
        self.store.put(*chunk(seed))
        self.put.add(seed)

    @rule(seed=seeds)
    def let_go(self, seed: int) -> None:
        self.stay.discard(seed)

    @rule()
    def sync(self) -> None:
        self.store.sync()
        assert self.store.size <= 20 * KIB

    @rule(to=st.integers(0, 20 * KIB))
    def shrink(self, to: int) -> None:
        self.store.shrink(to)

    @rule(without_index=st.booleans())
    def open_again(self, without_index: bool) -> None:
        self.store.close()
        if without_index:
            Path(self._folder.name, "index.sqlite").unlink()
        self.store = self.opened()

    @rule(seed=seeds)
    def damage(self, seed: int) -> None:
        name, data = chunk(seed)
        self.store.sync()
        for pack in packs(Path(self._folder.name)):
            pack.write_bytes(pack.read_bytes().replace(data, data[:-1] + b"?"))
        assert self.store.get(name) is None
        self.put.discard(seed)

    @invariant()
    def what_must_stay_is_there(self) -> None:
        for seed in self.stay & self.put:
            assert self.store.get(chunk(seed)[0]) == chunk(seed)[1]
        for seed in set(range(30)) - self.put:
            assert self.store.get(chunk(seed)[0]) is None

    def teardown(self) -> None:
        self.store.close()
        self._folder.cleanup()
        logging.getLogger(chunk_store.__name__).setLevel(logging.NOTSET)


TestUsing = Using.TestCase
TestUsing.settings = settings(max_examples=examples(15, many=150), stateful_step_count=40)
