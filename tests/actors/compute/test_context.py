"""What user code sees, in real workers: safe points, checkpoints, mail, files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from simulacra.actors.compute.messages import (
    Answer,
    Ask,
    Checkpoint,
    Discard,
    Freeze,
    Frozen,
    NotFrozen,
    Progress,
    Read,
    Ready,
    Reply,
    Request,
    Resume,
    Send,
    Taken,
)
from simulacra.actors.compute.port import WINDOW
from simulacra.actors.compute.values import pack, unpack_plain
from tests.actors.compute.workers import Worker, mail, script, travelled, value

Spawn = Callable[..., Worker]
ADDER = """
def main(ctx):
    ctx.state.setdefault("total", 0)
    while True:
        message = ctx.receive()
        if message.body == "end":
            return ctx.state.total
        ctx.state.total += message.body
        message.reply(ctx.state.total)
"""


def test_a_frozen_computation_goes_on_from_its_snapshot(spawn: Spawn) -> None:
    source = (
        "def main(ctx):\n"
        " seen = ctx.state.setdefault('seen', [])\n"
        " for i in ctx.steps('items', range(6)):\n"
        "  if i == 3: ctx.receive()\n"
        "  seen.append(i)\n"
        " return seen"
    )
    first = spawn(script(source))
    first.expect(Progress)
    first.process.send(Freeze("migrate"))
    frozen = first.expect(Frozen)
    assert frozen.plain
    snapshot = travelled(frozen)
    first.process.send(Discard())
    reason = first.end()
    assert (reason.kind, reason.detail) == ("shutdown", "moved")
    second = spawn(script(source), snapshot)
    second.process.send(mail(1, "go on"))
    assert value(second) == list(range(6))


def test_what_a_frozen_worker_handed_out_is_over_when_it_is_killed(spawn: Spawn) -> None:
    worker = spawn(script("def main(ctx):\n ctx.state.held = b'x' * 10**6\n ctx.receive()"))
    worker.expect(Ready)
    worker.process.send(Freeze("migrate"))
    frozen = worker.expect(Frozen)
    assert frozen.fd is not None
    assert frozen.size > 10**6
    start, length = max(frozen.extents, key=lambda extent: extent[1])
    assert os.pread(frozen.fd, length, start) == b"x" * 10**6
    worker.process.kill()
    worker.end()
    assert os.pread(frozen.fd, length, start) == b""


def test_resume_lets_it_go_on_in_place(spawn: Spawn) -> None:
    worker = spawn(script(ADDER))
    worker.process.send(Freeze("migrate"))
    worker.expect(Frozen)
    worker.process.send(Resume())
    worker.process.send(mail(1, 5))
    worker.process.send(mail(2, "end"))
    assert value(worker) == 5


def test_it_is_frozen_again_as_soon_as_it_is_resumed(spawn: Spawn) -> None:
    worker = spawn(script(ADDER))
    worker.process.send(Freeze("migrate", ticket=0))
    for ticket in range(50):
        assert worker.expect(Frozen).ticket == ticket
        worker.process.send(Resume())
        worker.process.send(Freeze("migrate", ticket=ticket + 1))
    worker.expect(Frozen)
    worker.process.send(Resume())
    worker.process.send(mail(1, "end"))
    assert value(worker) == 0


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("socket.socket()", "socket"),
        ("open('/dev/null')", "TextIOWrapper"),
        ("threading.Lock()", "lock"),
        ("subprocess.Popen(['sleep', '9'])", "Popen"),
        ("(x for x in 'ab')", "generator"),
    ],
)
def test_what_cannot_move_is_named_and_it_goes_on(spawn: Spawn, expression: str, kind: str) -> None:
    worker = spawn(
        script(
            f"import socket, subprocess, threading\n"
            f"def main(ctx):\n"
            f" ctx.state.box = {{'held': [{expression}]}}\n"
            f" ctx.receive()\n ctx.state.box.clear()\n return 'done'"
        )
    )
    worker.expect(Ready)
    worker.process.send(Freeze("migrate"))
    refused = worker.expect(NotFrozen)
    assert refused.freezing
    assert "state['box']['held'][0]" in refused.why
    assert kind in refused.why
    worker.process.send(mail(1, "go on"))
    assert value(worker) == "done"


def test_a_portable_freeze_takes_plain_data_only(spawn: Spawn) -> None:
    worker = spawn(script("def main(ctx):\n ctx.state.a = {1, 2}\n ctx.receive()"))
    worker.expect(Ready)
    worker.process.send(Freeze("migrate", portable=True, ticket=1))
    refused = worker.expect(NotFrozen)
    assert "state.a is a set" in refused.why
    worker.process.send(Freeze("migrate", ticket=2))
    frozen = worker.expect(Frozen)
    assert not frozen.plain
    assert (refused.ticket, frozen.ticket) == (1, 2)


def test_mail_is_taken_in_order_and_asks_answered(spawn: Spawn) -> None:
    worker = spawn(script(ADDER))
    worker.process.send(mail(1, 1))
    worker.process.send(mail(2, 2, ask="a1"))
    worker.process.send(mail(3, "end"))
    reply = worker.expect(Reply)
    assert (reply.ask, unpack_plain(reply.body)) == ("a1", 3)
    assert value(worker) == 3


def test_the_snapshot_tells_which_mail_it_covers(spawn: Spawn) -> None:
    worker = spawn(script(ADDER))
    worker.process.send(mail(1, 4, ask="a"))
    worker.expect(Reply)
    worker.process.send(Freeze("migrate"))
    frozen = worker.expect(Frozen)
    assert frozen.consumed == 1
    second = spawn(script(ADDER), travelled(frozen))
    second.process.send(mail(2, "end"))
    assert value(second) == 4


def test_ask_and_remote_files_go_through_the_node(spawn: Spawn) -> None:
    worker = spawn(
        script(
            "def main(ctx):\n"
            " answer = ctx.ask('friend@nas', 'how?')\n"
            " with ctx.open('nas:/data/a.txt') as file: text = file.read()\n"
            " try: ctx.ask('nobody', 1)\n"
            " except RuntimeError as error: text += str(error)\n"
            " try: ctx.path('nas:/none').stat()\n"
            " except FileNotFoundError as error: text += str(error)\n"
            " return answer + text"
        )
    )
    worker.process.send(Answer(worker.expect(Ask).request, pack("well")))
    size = {"size": 3, "mtime": 0.0, "is_dir": False}
    worker.process.send(Answer(worker.expect(Request).request, size))
    for block in (b"abc", b""):
        request = worker.expect(Request)
        assert (request.op, request.host, request.path) == ("read", "nas", "/data/a.txt")
        worker.process.send(Answer(request.request, block))
    worker.process.send(Answer(worker.expect(Ask).request, None, ("LookupError", "no such name")))
    worker.process.send(Answer(worker.expect(Request).request, None, ("FileNotFoundError", "no")))
    assert value(worker) == "wellabcLookupError: no such namenas:/none: no"


def test_the_items_are_on_disk_before_the_first_body_runs(spawn: Spawn) -> None:
    source = (
        "def main(ctx, items):\n"
        " for item in ctx.steps('items', items):\n"
        "  ctx.receive()\n"
        "  return item"
    )
    checkpoint = spawn(script(source, args=(["old"],))).expect(Checkpoint)
    again = spawn(script(source, args=(["new", "newer"],)), checkpoint.fd)
    again.process.send(mail(1, None))
    assert value(again) == "old"


def test_checkpoints_are_written_by_the_clock_not_by_the_step(spawn: Spawn) -> None:
    source = "def main(ctx):\n for _ in ctx.steps('items', range(5000)): pass"
    worker = spawn(script(source, checkpoint_every=3600))
    worker.end()
    assert sum(isinstance(message, Checkpoint) for message in worker.seen) == 1


def test_half_a_window_of_mail_is_covered_by_a_checkpoint(spawn: Spawn) -> None:
    worker = spawn(script(ADDER, checkpoint_every=3600))
    for n in range(1, WINDOW + 1):
        assert worker.process.send(mail(n, 1))
    assert worker.expect(Checkpoint).consumed == WINDOW // 2
    assert worker.expect(Checkpoint).consumed == WINDOW


def test_a_checkpoint_that_cannot_be_made_is_told_and_it_goes_on(spawn: Spawn) -> None:
    source = (
        "def main(ctx):\n"
        " ctx.state.items = (x for x in 'ab')\n"
        " for _ in ctx.steps('once', [1]): pass\n"
        " return 'done'"
    )
    worker = spawn(script(source))
    refused = worker.expect(NotFrozen)
    assert not refused.freezing
    assert "state['items'] cannot move" in refused.why
    assert value(worker) == "done"


def test_what_is_sent_is_numbered_on_after_a_move(spawn: Spawn) -> None:
    source = (
        "def main(ctx):\n"
        " for n in ctx.steps('n', [1, 2]):\n"
        "  ctx.send('friend', n)\n"
        " ctx.receive()\n"
        " ctx.send('friend', 3)\n"
    )
    first = spawn(script(source))
    assert [first.expect(Send).n for _ in range(2)] == [1, 2]
    first.process.send(Freeze("migrate"))
    frozen = first.expect(Frozen)
    assert frozen.sent == 2
    second = spawn(script(source), travelled(frozen))
    second.process.send(mail(1, None))
    sent = second.expect(Send)
    assert (sent.n, unpack_plain(sent.body)) == (3, 3)


def test_what_is_read_is_told_by_folder(spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("12345")
    source = "def main(ctx, path):\n return ctx.open(path).read()"
    worker = spawn(script(source, args=(str(tmp_path / "a"),)))
    assert worker.expect(Read) == Read(f"here:{tmp_path}", 5, 1)
    assert value(worker) == "12345"


def test_a_message_that_is_printed_says_what_came_from_whom(spawn: Spawn) -> None:
    worker = spawn(script("def main(ctx):\n return str(ctx.receive())"))
    worker.process.send(mail(1, {"a": 1}))
    assert value(worker) == "<Message from somebody@here: {'a': 1}>"


def test_receive_gives_up_in_time(spawn: Spawn) -> None:
    assert value(spawn(script("def main(ctx):\n return ctx.receive(0.02)"))) is None


@pytest.mark.parametrize("timeout", ["float('inf')", "1e12"])
def test_receive_waits_for_longer_than_a_lock_can(spawn: Spawn, timeout: str) -> None:
    source = f"def main(ctx):\n ctx.receive()\n return ctx.receive({timeout}).body"
    worker = spawn(script(source))
    worker.process.send(mail(1, "first"))
    worker.expect(Taken)
    worker.process.send(mail(2, "second"))
    assert value(worker) == "second"


def test_a_state_that_is_not_set_says_how_to_set_it(spawn: Spawn) -> None:
    reason = spawn(script("def main(ctx):\n ctx.state.total += 1")).end()
    assert "ctx.state.setdefault('total'" in str(reason)
