"""The actor of a tree: what it answers, and two of them with real sockets between them."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.data.trees import answering
from simulacra.actors.data.trees.answering import Answering
from simulacra.actors.data.trees.messages import Changes, Pack
from simulacra.actors.data.trees.orders import Order
from simulacra.actors.data.trees.questions import CountConflicts, ListConflicts, ShowFile
from simulacra.actors.data.trees.sparing import portion
from simulacra.actors.data.trees.tree import ReachOf, ShowBranches, ShowTree, actor_name
from simulacra.actors.runtime import Ref, RemoteError
from tests.actors.data.trees.counted_line import BETWEEN, counted_line
from tests.actors.data.trees.sides import TREE, Side, two_sides
from tests.actors.data.trees.test_local_tree import write
from tests.support import eventually

WITHIN = 60.0


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[tuple[Side, Side]]:
    with two_sides(tmp_path) as sides:
        yield sides
    eventually(lambda: not [each for each in threading.enumerate() if each.name.startswith("tree")])


def shown(ref: Ref) -> Any:
    return ref.ask(ShowTree())


def until_idle(ref: Ref) -> None:
    eventually(lambda: shown(ref)["state"] == "idle" and shown(ref)["scans"], WITHIN)


def until_there(path: Path, content: bytes) -> None:
    eventually(lambda: path.exists() and path.read_bytes() == content, WITHIN)


def test_what_is_edited_at_one_comes_to_the_other(sides: tuple[Side, Side]) -> None:
    a, b = sides
    large = random.Random(1).randbytes(5 << 20)
    write(a.root / "folder/small", "small")
    (a.root / "large").write_bytes(large)
    refs = [side.start() for side in sides]
    until_there(b.root / "folder/small", b"small")
    until_there(b.root / "large", large)
    (b.root / "back").write_bytes(b"back")
    until_there(a.root / "back", b"back")
    for ref in refs:
        until_idle(ref)
    assert shown(refs[1])["came"] == len(large) + len("small")
    eventually(lambda: refs[0].ask(ReachOf()) == refs[1].ask(ReachOf()), WITHIN)


def test_of_more_files_than_are_offered_at_a_time_all_come(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "_OFFERED", 1)
    a, b = sides
    files = {f"file{n}": random.Random(n).randbytes(2 << 20) for n in range(4)}
    for name, content in files.items():
        (a.root / name).write_bytes(content)
    for side in sides:
        side.start()
    for name, content in files.items():
        until_there(b.root / name, content)


def test_one_that_begins_while_nothing_is_known_hears_of_the_empty_tree(
    sides: tuple[Side, Side],
) -> None:
    a, b = sides
    first = a.start()
    until_idle(first)  # and its news went to nobody
    second = b.start()
    until_idle(second)
    assert shown(second)["reason"] == ""


def test_a_paused_copy_stays_as_it_is_and_says_so(sides: tuple[Side, Side]) -> None:
    a, b = sides
    refs = [side.start() for side in sides]
    until_idle(refs[1])
    refs[1].tell(Order.PAUSE)
    eventually(lambda: shown(refs[1])["state"] == "paused", WITHIN)
    write(a.root / "x", "x")
    eventually(lambda: shown(refs[0])["last"] > 0, WITHIN)
    assert not (b.root / "x").exists()
    refs[1].tell(Order.RESUME)
    until_there(b.root / "x", b"x")


def test_the_line_sees_the_rate_at_every_moment(sides: tuple[Side, Side]) -> None:
    a, b = sides
    rate = 2 << 20
    (a.root / "large").write_bytes(large := random.Random(1).randbytes(4 * rate))
    for n in range(10):
        (a.root / f"small{n}").write_bytes(random.Random(n).randbytes(200 << 10))
    a.start()
    b.dials = BETWEEN
    with counted_line(a.bulk_server.port) as counted:
        b.start(rate)
        until_there(b.root / "large", large)
        eventually(lambda: len(list(b.root.glob("small*"))) == 10, WITHIN)
    # Besides what a second gives there is the one that is free, and the portions that were asked
    # for last and before; 2 in 100 is what it takes to carry them.
    allowed = 1.02 * (rate * (1.0 + 1.0) + 2 * portion(rate))
    assert counted.most(1.0) <= allowed < len(large)
    assert counted.most(float("inf")) >= len(large) + 10 * (200 << 10)


def test_a_pause_and_the_end_do_not_wait_for_a_large_file(sides: tuple[Side, Side]) -> None:
    a, b = sides
    (a.root / "large").write_bytes(random.Random(1).randbytes(32 << 20))
    a.start()
    ref = b.start(rate=256 << 10)  # for two minutes
    eventually(lambda: shown(ref)["came"] > 0, WITHIN)
    ref.tell(Order.PAUSE)
    eventually(lambda: shown(ref)["state"] == "paused", WITHIN)
    came = shown(ref)["came"]
    ref.tell(Order.RESUME)
    eventually(lambda: shown(ref)["came"] > came, WITHIN)
    assert shown(ref)["state"] == "bringing"
    assert not (b.root / "large").exists()


def test_questions_are_answered_from_what_was_committed(sides: tuple[Side, Side]) -> None:
    a, b = sides
    write(a.root / "x", "x")
    ref = a.start()
    until_idle(ref)
    from_afar = b.node.system.ref(f"{actor_name(TREE)}@a")
    for asked in (ref, from_afar):
        assert asked.ask(ListConflicts()) == []
        assert asked.ask(CountConflicts()) == 0
        assert asked.ask(ShowBranches("src")) == []
        about = asked.ask(ShowFile(b"x"))
        assert (about["wanted"], about["on_disk"]["size"]) == (about["synced"], 1)
        assert about["wanted"]["size"] == 1
        changed = asked.ask(Changes(0, 0))
        assert (len(changed.records), changed.n) == (1, 1)
        # Of a journal of another time all is told, of this one what is new.
        assert asked.ask(Changes(99, 1)).records == changed.records
        assert asked.ask(Changes(changed.incarnation, 1)).records == []
        packed = asked.ask(Pack([(b"\0" * 32, 0, 1)]))
        assert (packed.ticket, packed.lengths) == (None, [-1])


def test_too_many_questions_at_once_are_refused(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def held(self: Answering, question: Any) -> Any:
        assert go_on.wait(WITHIN)
        return answered(self, question)

    answered = Answering._look_up
    monkeypatch.setattr(answering, "_WAITING", 1)
    monkeypatch.setattr(Answering, "_look_up", held)
    ref = sides[0].start()
    until_idle(ref)
    first = ref.ask(CountConflicts(), block=False)
    with pytest.raises(OSError, match="too many ask at once"):
        ref.ask(CountConflicts())
    go_on.set()
    assert first.get(timeout=WITHIN) == 0
    assert ref.ask(CountConflicts()) == 0


def test_what_it_cannot_answer_yet_is_an_error_and_then_it_can(sides: tuple[Side, Side]) -> None:
    a, _ = sides
    a.root.rmdir()
    ref = a.start()
    eventually(lambda: shown(ref)["state"] == "halted", WITHIN)
    assert str(a.root) in shown(ref)["reason"]
    with pytest.raises((OSError, RemoteError)):
        ref.ask(ReachOf())
    a.root.mkdir()
    ref.tell(Order.RESCAN)
    until_idle(ref)
    assert ref.ask(CountConflicts()) == 0


def test_what_is_no_message_of_a_tree_is_refused_and_does_no_harm(
    sides: tuple[Side, Side],
) -> None:
    ref = sides[0].start()
    with pytest.raises(NotImplementedError, match="Tree does not handle 'what"):
        ref.ask("what?")
    until_idle(ref)
