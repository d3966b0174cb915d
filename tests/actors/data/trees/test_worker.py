"""A tree's thread: what it sees, hears and brings, and what it says while it cannot."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest

from simulacra.actors.data.applying import folders
from simulacra.actors.data.applying.folders import Folders, RootLostError
from simulacra.actors.data.applying.refusals import Reason, RefusedError
from simulacra.actors.data.reconciling.dots import Replica
from simulacra.actors.data.trees import retrying, worker
from simulacra.actors.data.trees.asking import MissingError
from simulacra.actors.data.trees.definitions import Definition
from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.hearsay import Hearsay
from simulacra.actors.data.trees.intake import Taken
from simulacra.actors.data.trees.local_tree import LocalTree
from simulacra.actors.data.trees.lookout import Lookout
from simulacra.actors.data.trees.messages import News
from simulacra.actors.data.trees.only_here import AskOnlyHere
from simulacra.actors.data.trees.orders import Order, Task
from simulacra.actors.data.trees.others import Others
from simulacra.actors.data.trees.packing import pack_context, unpack_record
from simulacra.actors.data.trees.place import Place
from simulacra.actors.data.trees.rounds import Rounds
from simulacra.actors.data.trees.sparing import Sparing
from simulacra.actors.data.trees.standing import State
from simulacra.actors.data.trees.worker import Worker
from simulacra.actors.runtime.futures import Reply
from tests.actors.data.trees.copies import Copies, Copy, InReach
from tests.actors.data.trees.test_local_tree import write
from tests.support import DEADLINE, eventually


class Remote(InReach):
    """Another copy, as the worker asks it; it may fail."""

    def __init__(self, copy: Copy) -> None:
        super().__init__(copy)
        self.error: Exception | None = None

    def pull(self, _: int, cursor: Callable[[Replica], int], take: Callable[..., int]) -> int:
        if self.error is not None:
            raise self.error
        journal = self._copy.tree.journal
        replica = journal.author.replica
        from_there = Reader(self._copy.place)
        try:
            records = from_there.after(cursor(replica))
        finally:
            from_there.close()
        return take(replica, records, journal.last, journal.vector)


class Reader:
    """What was committed to a copy's journal."""

    def __init__(self, place: Place) -> None:
        self._db = sqlite3.connect(place.journal)

    def close(self) -> None:
        self._db.close()

    def after(self, n: int) -> list[Any]:
        found = self._db.execute("SELECT record FROM records WHERE n > ? ORDER BY n", (n,))
        return [(unpack_record(each), each) for (each,) in found]


class Told:
    """A worker of `desk`, and what it told others."""

    def __init__(self, folder: Path, remote: Remote | None, **definition: Any) -> None:
        self.root = folder / "desk" / "root"
        self.root.mkdir(parents=True, exist_ok=True)
        self.news: list[News] = []
        self.worker = Worker(
            Place("desk", self.root, folder / "desk" / "state"),
            Definition("1", "src", str(self.root), **definition),
            Others(
                lambda _: cast("RemoteTree", remote),
                lambda: [] if remote is None else [remote.host],
                self._announce,
                lambda: ["desk"] if remote is None else ["desk", remote.host],
                tuple,
            ),
            Sparing("src"),
        )

    def _announce(self, hosts: Iterable[str], news: News) -> None:
        self.news += [news for _ in hosts]

    def until(self, state: State, reason: str = "") -> None:
        def is_so() -> bool:
            standing = self.worker.standing
            return standing.state is state and reason in standing.reason

        try:
            eventually(is_so)
        except AssertionError:
            raise AssertionError(f"not {state} {reason}: {self.worker.standing}") from None

    def do(self, run: Callable[[Any], Any]) -> Any:
        reply = Reply()
        self.worker.tell(Task(run, reply))
        return reply.get(timeout=DEADLINE)


@contextmanager
def working(folder: Path, remote: Remote | None = None, **definition: Any) -> Iterator[Told]:
    told = Told(folder, remote, **definition)
    told.worker.start()
    try:
        yield told
    finally:
        told.worker.close()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Remote]:
    with Copies(tmp_path, "nas") as copies:
        write(copies["nas"].root / "x", "x")
        copies["nas"].tree.scan()
        yield Remote(copies["nas"])


def news_of(remote: Remote) -> News:
    journal = remote._copy.tree.journal
    replica = journal.author.replica
    return News(replica.host, replica.incarnation, journal.last, pack_context(journal.vector))


def test_an_edit_is_seen_at_once(tmp_path: Path) -> None:
    with working(tmp_path, origin=True) as desk:
        desk.until(State.IDLE)
        before = desk.worker.standing.last
        write(desk.root / "new", "new")
        eventually(lambda: desk.worker.standing.last > before)
        assert desk.do(lambda tree: tree.journal.row(b"new").entry.content.size) == 3


def test_a_look_that_has_begun_is_counted_apart_from_those_that_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working(tmp_path, origin=True) as desk:
        desk.until(State.IDLE)
        seen: list[tuple[State, int, int]] = []

        def note() -> None:
            standing = desk.worker.standing
            seen.append((standing.state, standing.begun, standing.scans))

        def look(lookout: Lookout, tree: LocalTree, *, sure: bool) -> Taken:
            note()
            if len(seen) == 1:
                raise RefusedError(Reason.FULL, b"", "the disk is full")
            return looked(lookout, tree, sure=sure)

        def reviewed(*_: object) -> None:
            if desk.worker.standing.state is State.SCANNING:
                note()

        looked = Lookout.look_at_all
        monkeypatch.setattr(Lookout, "look_at_all", look)
        monkeypatch.setattr(Rounds, "_review", reviewed)
        desk.worker.tell(Order.RESCAN)
        eventually(lambda: desk.worker.standing.scans == 3)
    assert seen[:3] == [
        (State.SCANNING, 2, 1),
        (State.SCANNING, 3, 1),
        (State.SCANNING, 3, 3),
    ]


def test_what_no_other_has_is_said_only_once_all_was_looked_at(
    tmp_path: Path, there: Remote
) -> None:
    with working(tmp_path, there, origin=True) as desk:
        desk.until(State.IDLE)
        begun, go_on = threading.Event(), threading.Event()

        def hold(_: Any) -> None:
            begun.set()
            assert go_on.wait(DEADLINE)

        def asked() -> Reply:
            reply = Reply()
            desk.worker.tell(
                Task(lambda tree: desk.worker.rounds.only_here(tree, AskOnlyHere()), reply)
            )
            return reply

        desk.worker.tell(Task(hold, Reply()))
        assert begun.wait(DEADLINE)
        write(desk.root / "new", "new")
        desk.worker.tell(Order.RESCAN)
        early = asked()
        go_on.set()
        assert early.get(timeout=DEADLINE).scans == 0
        eventually(lambda: asked().get(timeout=DEADLINE).scans)
        found = asked().get(timeout=DEADLINE)
        assert (found.others, found.is_nothing) == (["nas"], False)
        assert found.scans == desk.worker.standing.scans


def test_what_another_host_has_comes_when_it_says_so(tmp_path: Path, there: Remote) -> None:
    with working(tmp_path, there) as desk:
        desk.until(State.WAITING, "heard yet; if none will be: simulacra tree resume src --sure")
        write(desk.root / "mine", "mine")
        desk.worker.tell(news_of(there))
        eventually((desk.root / "x").exists)
        desk.until(State.IDLE)
        eventually(lambda: desk.news and desk.news[-1].last >= 2)


@pytest.mark.parametrize(
    "error", [MissingError("nas does not answer"), KeyError("what nobody thought of")]
)
def test_whatever_goes_wrong_with_another_host_it_goes_on(
    tmp_path: Path, there: Remote, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "SOON", 0.05)
    there.error = error
    with working(tmp_path, there, origin=True) as desk:
        desk.until(State.IDLE)
        desk.worker.tell(News("nas", cast("Any", "one"), 1, []))
        desk.worker.tell(news_of(there))
        if isinstance(error, KeyError):
            desk.until(State.WAITING, "a mistake in Simulacra: KeyError")
        there.error = None
        eventually((desk.root / "x").exists)
        desk.until(State.IDLE)


def test_a_root_that_is_gone_halts_until_it_is_back(tmp_path: Path) -> None:
    with working(tmp_path, origin=True) as desk:
        desk.until(State.IDLE)
        desk.root.rename(desk.root.with_name("elsewhere"))
        desk.worker.tell(Order.RESCAN)
        desk.until(State.HALTED, "is not there")
        with pytest.raises(OSError, match="is not there"):
            desk.do(lambda _: None)
        desk.root.with_name("elsewhere").rename(desk.root)
        desk.worker.tell(Order.RESCAN)
        desk.until(State.IDLE)


def test_another_folder_in_the_roots_place_is_the_tree_from_then_on(
    tmp_path: Path, there: Remote
) -> None:
    old = tmp_path / "old"
    with working(tmp_path, there, origin=True) as desk:
        desk.worker.tell(news_of(there))
        eventually((desk.root / "x").exists)
        desk.until(State.IDLE)
        desk.root.rename(old)
        shutil.copytree(old, desk.root)
        write(there._copy.root / "y", "y")
        there._copy.tree.scan()
        desk.worker.tell(news_of(there))
        eventually((desk.root / "y").exists)
        desk.until(State.IDLE)
        assert {path.name for path in desk.root.iterdir()} == {"x", "y"}
        assert not (old / "y").exists()


def test_a_root_that_is_another_one_again_and_again_is_looked_at_less_and_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = 0.2
    monkeypatch.setattr(retrying, "SOON", wait)
    tries: list[float] = []

    def look(*_: object, **__: object) -> Taken:
        tries.append(time.monotonic())
        raise RootLostError("it is another folder now")

    with monkeypatch.context() as patch, working(tmp_path, origin=True) as desk:
        patch.setattr(Lookout, "look_at_all", look)
        desk.worker.tell(Order.RESCAN)
        eventually(lambda: len(tries) > 3)
        desk.until(State.WAITING, "it is another folder now")
        second, third, fourth = tries[1:4]
        assert third - second >= wait
        assert fourth - third >= 2 * wait
        assert desk.worker.standing.to_plain()["retry_in"] is not None
        patch.undo()
        desk.until(State.IDLE)
        eventually(lambda: desk.worker.standing.to_plain()["retry_in"] is None)


def test_a_tree_that_another_process_changes_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "SOON", 0.05)
    monkeypatch.setattr(folders, "_MOMENT", 0.05)
    root = tmp_path / "desk" / "root"
    root.mkdir(parents=True)
    with ExitStack() as other:
        other.enter_context(Folders(str(root)))
        with working(tmp_path, origin=True) as desk:
            desk.until(State.WAITING, "another process changes this tree")
            other.close()
            desk.until(State.IDLE)


def test_while_it_is_paused_nothing_is_tried_again(
    tmp_path: Path, there: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    greeted = threading.Event()
    monkeypatch.setattr(retrying, "SOON", 0.01)
    monkeypatch.setattr(worker, "_LOOK", 0.01)
    with working(tmp_path, there, origin=True) as desk:
        desk.until(State.IDLE)
        there.error = MissingError("nas does not answer")
        monkeypatch.setattr(Hearsay, "greet", lambda *_: greeted.set())
        desk.worker.tell(news_of(there))
        eventually(lambda: desk.worker.standing.retry_at < float("inf"))
        due = desk.worker.standing.retry_at
        desk.worker.tell(Order.PAUSE)
        desk.until(State.PAUSED)
        there.error = None
        eventually(lambda: time.monotonic() > due)
        greeted.clear()  # Hosts are looked for only where there is nothing to do at once.
        assert greeted.wait(DEADLINE)
        assert not (desk.root / "x").exists()


def test_an_empty_folder_in_the_roots_place_halts_however_little_the_tree_has(
    tmp_path: Path,
) -> None:
    write(tmp_path / "desk/root/x", "x")
    with working(tmp_path, origin=True) as desk:
        desk.until(State.IDLE)
        last = desk.worker.standing.last
        desk.root.rename(tmp_path / "old")
        desk.root.mkdir()
        desk.worker.tell(Order.RESCAN)
        desk.until(State.HALTED, "is another folder than before, and empty")
        assert desk.worker.standing.last == last
        desk.root.rmdir()
        (tmp_path / "old").rename(desk.root)
        desk.worker.tell(Order.RESCAN)
        desk.until(State.IDLE)
        assert desk.worker.standing.last == last


def test_a_tree_that_was_emptied_halts_until_the_user_is_sure(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path / "desk/root" / str(number), str(number))
    with working(tmp_path, origin=True) as desk:
        desk.until(State.IDLE)
        last = desk.worker.standing.last
        for path in list(desk.root.iterdir()):
            path.unlink()
        desk.until(State.HALTED, "20 of 20 files and folders are gone")
        desk.worker.tell(Order.RESUME)
        desk.worker.tell(Order.RESCAN)
        desk.until(State.HALTED, "nothing is taken to be deleted until you say so")
        assert desk.worker.standing.last == last
        desk.worker.tell(Order.SURE)
        desk.until(State.IDLE)
        assert desk.worker.standing.last == last + 20


def test_paused_it_leaves_all_as_it_is(tmp_path: Path, there: Remote) -> None:
    with working(tmp_path, there, paused=True) as desk:
        desk.until(State.PAUSED)
        desk.worker.tell(news_of(there))
        desk.until(State.PAUSED)
        assert list(desk.root.iterdir()) == []
        desk.worker.tell(Order.RESUME)
        desk.worker.tell(news_of(there))
        eventually((desk.root / "x").exists)


def test_what_is_skipped_is_listed_as_long_as_it_is_there(tmp_path: Path) -> None:
    with working(tmp_path, origin=True) as desk:
        (desk.root / "folder").mkdir()
        os.mkfifo(desk.root / "folder/pipe")
        eventually(lambda: desk.worker.standing.skipped == {b"folder/pipe": "a pipe"})
        before = desk.worker.standing.last
        write(desk.root / "x", "x")
        eventually(lambda: desk.worker.standing.last > before)
        assert desk.worker.standing.to_plain()["skipped"] == {"folder/pipe": "a pipe"}
        (desk.root / "folder/pipe").unlink()
        eventually(lambda: desk.worker.standing.skipped == {})


def test_a_task_that_fails_fails_for_who_asked_and_for_nobody_else(tmp_path: Path) -> None:
    with working(tmp_path, origin=True) as desk:
        desk.until(State.IDLE)
        with pytest.raises(ZeroDivisionError):
            desk.do(lambda _: 1 // 0)
        assert desk.do(lambda tree: tree.journal.last) == 0


def test_every_task_is_answered_also_when_the_tree_is_closed(tmp_path: Path) -> None:
    replies = [Reply() for _ in range(50)]
    with working(tmp_path, origin=True) as desk:
        for reply in replies:
            desk.worker.tell(Task(lambda tree: tree.journal.last, reply))
    for reply in replies:
        with suppress(OSError):
            assert reply.get(timeout=0) == 0
