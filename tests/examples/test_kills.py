"""The examples, in real workers that are killed at chosen lines and go on from checkpoints.

The answer, and the files that were written, must be those of a run that nothing disturbed.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import NamedTuple

import pytest

from simulacra.actors.compute.messages import Checkpoint, Mail, Reply, Result
from simulacra.actors.compute.spec import Script, Spec
from simulacra.actors.compute.store import Kept
from simulacra.actors.compute.values import pack, unpack_plain
from simulacra.actors.runtime.reason import ExitReason
from tests.actors.compute.workers import Worker

EXAMPLES = Path(__file__).parents[2] / "examples"
KILLS = 4

# The worker counts the lines of the script that it runs, and kills itself at one of them; it
# writes a checkpoint at every EVERY-th safe point, instead of by the clock.
PRELUDE = """\
import os, sys, simulacra.actors.compute.context as _context
_lines = _points = 0
_checkpoint = _context.Context._checkpoint
def _checkpoint_some(self):
    global _points
    _points += 1
    if _points % {every} == 0:
        _checkpoint(self)
    self._next_checkpoint = 0.0
_context.Context._checkpoint = _checkpoint_some
def _trace(frame, event, arg):
    global _lines
    if frame.f_code.co_filename != __file__:
        return None
    if event == "line":
        _lines += 1
        if _lines == {kill}:
            os.kill(os.getpid(), 9)
    return _trace
sys.settrace(_trace)
"""

MAIL = [["add", "ab"[n % 2], n] if n % 5 else ["total", "ab"[n % 2]] for n in range(1, 30)]
MAIL.append(["end"])


class Outcome(NamedTuple):
    """What a run must give, however often it was killed."""

    value: object
    replies: dict[str, object]
    files: dict[str, bytes]


def arguments(example: str, data: Path, out: Path) -> tuple[str | int, ...]:
    """Write an example's input; its arguments."""
    rng = random.Random(example)
    for n in range(8):
        words = " ".join(rng.choices("abcdefg", k=12))
        (data / f"{n}.txt").write_text(words)
        (data / f"{n} copy.txt").write_text(words if n % 3 == 0 else words * 2)
    if example == "shop_totals":
        rows = "".join(f"{rng.choice('xyz')},{rng.randrange(9)}\n" for _ in range(30))
        (data / "sales.csv").write_text(rows)
        return (str(data / "sales.csv"), str(out / "report"))
    others: dict[str, tuple[str | int, ...]] = {
        "word_count": (str(data),),
        "photo_index": (str(data), str(out)),
        "heat": (6,),
        "mail_totals": (),
    }
    return others[example]


def run(spec: Spec, kept: Kept, folder: Path, replies: dict[str, object]) -> object:
    """Run a worker from the newest checkpoint to its end; its value, or None if it was killed."""
    found = kept.open_checkpoint()
    fd, about = found or (None, {"consumed": 0})
    worker = Worker(spec, folder, fd)
    if fd is not None:
        os.close(fd)
    value = None
    try:
        for n in range(about["consumed"] + 1, len(MAIL) + 1):
            worker.process.send(Mail(n, "test", pack(MAIL[n - 1]), ask=f"ask-{n}"))
        while not isinstance(message := worker.expect(object), ExitReason):
            if isinstance(message, Checkpoint):
                assert message.fd is not None
                kept.save_checkpoint(message.fd, {"consumed": message.consumed})
            elif isinstance(message, Reply):
                answer = unpack_plain(message.body)
                assert replies.setdefault(message.ask, answer) == answer
            elif isinstance(message, Result):
                value = unpack_plain(message.value)
        assert str(message) in ("normal", "killed (SIGKILL)")
    finally:
        worker.close()
    return value


def outcome(example: str, folder: Path, kills: list[int], every: int) -> tuple[Outcome, int]:
    """Run an example to its end, killed at these lines first; and how often it was killed."""
    data, out = folder / "data", folder / "out"
    data.mkdir(parents=True)
    out.mkdir()
    args = arguments(example, data, out)
    path = EXAMPLES / f"{example}.py"
    kept, died = Kept(folder / "kept"), 0
    replies: dict[str, object] = {}
    value = None
    for kill in [*kills, 0]:
        source = PRELUDE.format(kill=kill, every=every) + path.read_text()
        spec = Spec(Script(str(path), source), args=args, checkpoint_every=1e-9)
        value = run(spec, kept, folder, replies)
        if value is not None:
            break
        died += 1
    files = {file.name: file.read_bytes() for file in out.iterdir()}

    return Outcome(value, replies, files), died


LINES = {"word_count": 200, "photo_index": 150, "shop_totals": 110, "heat": 900, "mail_totals": 90}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("example", sorted(LINES))
def test_kills_do_not_change_the_answer(tmp_path: Path, example: str, seed: int) -> None:
    rng = random.Random(f"{example} {seed}")
    kills = [rng.randrange(5, LINES[example]) for _ in range(KILLS)]
    calm, _ = outcome(example, tmp_path / "calm", [], every=1)
    killed, died = outcome(example, tmp_path / "killed", kills, every=seed)
    assert died > 0
    assert killed == calm
