"""A worker that is started before it is needed."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.compute.messages import Result
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.spare import Spare
from simulacra.actors.compute.spec import Command, Limits, Script, Spec
from simulacra.actors.compute.values import unpack_plain
from simulacra.actors.runtime.reason import KILLED, NORMAL, ExitReason
from tests.actors.compute.workers import TIMEOUT, eventually, is_reaped, script

ANSWER = script("def main(ctx): return ctx.name")
ROOM = script(
    "import resource\n"
    "def main(ctx): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024"
)


class Waiting:
    """A spare, and what its workers tell."""

    def __init__(self, folder: Path) -> None:
        self.told: queue.Queue[tuple[int, Any]] = queue.Queue()
        self.spare = Spare(self._put, self._put)
        self.log = OutputLog(folder / "log", 1000)
        self._folder = folder / "work"

    def _put(self, number: int, what: Any) -> None:
        self.told.put((number, what))

    def start(self, number: int) -> None:
        self.spare.start(number, self._folder, self.log)

    def until(self, kind: type) -> tuple[int, Any]:
        while True:
            number, what = self.told.get(timeout=TIMEOUT)
            if isinstance(what, kind):
                return number, what


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    waiting = Waiting(tmp_path)
    yield waiting
    waiting.spare.drop(wait=TIMEOUT)
    waiting.log.close()


def test_what_is_taken_works_under_its_number(waiting: Waiting) -> None:
    waiting.start(7)
    taken = waiting.spare.take(ANSWER)
    assert taken is not None
    assert waiting.spare.take(ANSWER) is None
    taken[1].begin(ANSWER, name="job", host="here")
    number, result = waiting.until(Result)
    assert (taken[0], number, unpack_plain(result.value)) == (7, 7, "job")
    assert waiting.until(ExitReason) == (7, NORMAL)
    assert taken[1].join(TIMEOUT)


def test_it_makes_room_for_what_comes_and_begins_all_the_same(waiting: Waiting) -> None:
    size = 64 * 2**20
    waiting.start(7)
    waiting.spare.coming(size)
    taken = waiting.spare.take(ROOM)
    assert taken is not None
    taken[1].begin(ROOM, name="job", host="here")
    assert unpack_plain(waiting.until(Result)[1].value) > size
    assert waiting.until(ExitReason) == (7, NORMAL)
    assert taken[1].join(TIMEOUT)


def test_what_comes_for_nobody_is_no_error(waiting: Waiting) -> None:
    waiting.spare.coming(1)
    assert waiting.spare.take(ANSWER) is None


def test_what_is_dropped_is_reaped_and_never_taken(waiting: Waiting) -> None:
    waiting.start(1)
    waiting.spare.drop(wait=TIMEOUT)
    assert waiting.spare.take(ANSWER) is None
    assert waiting.until(ExitReason) == (1, KILLED)


def test_a_later_one_takes_the_place_of_an_earlier_one(waiting: Waiting) -> None:
    waiting.start(1)
    waiting.start(2)
    assert waiting.until(ExitReason) == (1, KILLED)
    taken = waiting.spare.take(ANSWER)
    assert taken is not None
    assert taken[0] == 2
    taken[1].kill()
    assert taken[1].join(TIMEOUT)
    eventually(lambda: is_reaped(taken[1].guard_pid))


def test_one_that_is_gone_is_not_taken(waiting: Waiting) -> None:
    waiting.start(1)
    assert waiting.spare._waiting is not None
    waiting.spare._waiting[1].kill()
    waiting.until(ExitReason)
    assert waiting.spare.take(ANSWER) is None


@pytest.mark.parametrize("spec", [Spec(Command(("false",))), Spec(Script("x", "", pty=True))])
def test_one_that_does_not_fit_is_dropped(waiting: Waiting, spec: Spec) -> None:
    waiting.start(1)
    assert waiting.spare.take(spec) is None
    assert waiting.until(ExitReason) == (1, KILLED)


def test_limits_count_from_when_it_begins(waiting: Waiting) -> None:
    waiting.start(1)
    taken = waiting.spare.take(ANSWER)
    assert taken is not None
    waiting_since = taken[1].started
    spec = script("import time\ndef main(ctx): time.sleep(60)", limits=Limits(wall=0.3))
    taken[1].begin(spec, name="job", host="here")
    assert taken[1].started > waiting_since
    _, reason = waiting.until(ExitReason)
    assert reason.kind == "limit"


def test_one_that_cannot_be_started_is_no_error_yet(waiting: Waiting, tmp_path: Path) -> None:
    (tmp_path / "work").write_text("not a folder")
    waiting.start(1)
    assert waiting.spare.take(ANSWER) is None
