"""Workers for real: starting, and ending in every way."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from simulacra.actors.compute import channel, guarded, process
from simulacra.actors.compute.messages import (
    Discard,
    Freeze,
    Frozen,
    Ready,
    Result,
    Send,
)
from simulacra.actors.compute.port import WINDOW
from simulacra.actors.compute.spec import Limits, Script, Spec
from simulacra.actors.compute.values import unpack_plain
from tests.actors.compute.workers import Worker, eventually, is_reaped, mail, script, value
from tests.onehost import is_gone

Spawn = Callable[..., Worker]
FOREVER = """
import time
def main(ctx):
    while True:
        ctx.checkpoint()
        time.sleep(0.005)
"""
EATERS = """eater = [sys.executable, '-c', 'b = b"x" * 50_000_000; input()']
 _ = [subprocess.Popen(eater, stdin=subprocess.PIPE) for _ in range(3)]
 time.sleep(60)"""


def test_a_script_returns_its_value(spawn: Spawn) -> None:
    worker = spawn(script("def main(ctx, a, b=0):\n return a + b", args=(2,), kwargs={"b": 3}))
    assert value(worker) == 5
    assert worker.end().kind == "normal"


def test_what_it_prints_is_captured_up_to_its_last_word(spawn: Spawn) -> None:
    worker = spawn(script("import sys\ndef main(ctx):\n print('out')\n sys.stderr.write('err')"))
    assert worker.end().is_normal
    assert worker.log.read() == b"out\nerr"


def test_its_environment_is_the_nodes(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import os\ndef main(ctx):\n return dict(os.environ)"
    assert value(spawn(script(source))) == dict(os.environ)
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    assert value(spawn(script(source))) == dict(os.environ)


def test_output_over_the_limit_drops_the_oldest_and_never_blocks(spawn: Spawn) -> None:
    source = "def main(ctx):\n for i in range(20000): print(f'line {i:06}')"
    worker = spawn(script(source, limits=Limits(output=10_000)))
    assert worker.end().is_normal
    kept = worker.log.read()
    assert kept.endswith(b"line 019999\n")
    assert len(kept) <= 10_000
    assert worker.log.dropped == 20_000 * 12 - len(kept)


def test_an_error_comes_back_as_text_with_the_users_frames_alone(spawn: Spawn) -> None:
    worker = spawn(script("def main(ctx):\n return 1 / 0"))
    reason = worker.end()
    assert reason.kind == "error"
    assert reason.error is not None
    assert reason.error[:2] == ("ZeroDivisionError", "division by zero")
    assert "script.py" in reason.error[2]
    assert "program.py" not in reason.error[2]


def test_an_error_whose_text_fails_is_one_like_others(spawn: Spawn) -> None:
    source = "class Bad(Exception):\n def __str__(self): 1 / 0\ndef main(ctx): raise Bad"
    reason = spawn(script(source)).end()
    assert reason.kind == "error"
    assert reason.error is not None
    assert reason.error[:2] == ("Bad", "<its text failed: ZeroDivisionError>")


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("sys.exit()", "normal"),
        ("sys.exit(3)", "error"),
        ("os._exit(3)", "error"),
        ("os._exit(0)", "normal"),
        ("os.kill(os.getpid(), 9)", "killed"),
        ("raise KeyboardInterrupt", "error"),
        ("raise SystemExit('why')", "error"),
    ],
)
def test_every_way_to_end_is_an_exit_reason(spawn: Spawn, statement: str, kind: str) -> None:
    reason = spawn(script(f"import os, sys\ndef main(ctx):\n {statement}")).end()
    assert reason.kind == kind
    if kind == "killed":
        assert reason.detail == "SIGKILL"


def test_kill_is_brutal_and_reaches_daemons(spawn: Spawn) -> None:
    worker = spawn(
        script(
            "import os, signal, subprocess, sys, time\n"
            "def main(ctx):\n"
            " for n in range(1, 32):\n"
            "  if n not in (9, 19): signal.signal(n, signal.SIG_IGN)\n"
            " child = subprocess.Popen(['setsid', 'sleep', '60'], start_new_session=True)\n"
            " ctx.send('pid', child.pid)\n"
            " time.sleep(60)"
        )
    )
    daemon = unpack_plain(worker.expect(Send).body)
    pid = worker.process.pid
    assert pid is not None
    worker.process.kill()
    assert worker.end().kind == "killed"
    assert is_reaped(pid)
    assert is_reaped(daemon)


def test_where_the_guard_hangs_daemons_are_killed_all_the_same(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "KILL_TIMEOUT", 0.1)
    worker = spawn(
        script(
            "import subprocess, time\ndef main(ctx):\n"
            " daemon = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
            " ctx.send('pid', daemon.pid)\n"
            " time.sleep(60)"
        )
    )
    daemon = unpack_plain(worker.expect(Send).body)
    os.kill(worker.process.guard_pid, signal.SIGSTOP)
    worker.process.kill()
    assert worker.end().kind == "killed"
    eventually(lambda: is_gone(daemon))


def test_processes_left_behind_end_with_the_worker(spawn: Spawn) -> None:
    worker = spawn(
        script(
            "import subprocess\ndef main(ctx):\n"
            " return subprocess.Popen(['sleep', '60'], start_new_session=True).pid"
        )
    )
    assert worker.end().is_normal
    result = worker.seen[-2]
    assert isinstance(result, Result)
    assert is_reaped(int(result.text))


def test_a_killed_guard_takes_its_worker_along(spawn: Spawn) -> None:
    worker = spawn(script(FOREVER))
    pid = worker.expect(Ready).pid
    os.kill(worker.process.guard_pid, signal.SIGKILL)
    assert worker.end().kind == "killed"
    eventually(lambda: is_gone(pid))


def test_stop_ends_at_a_safe_point_and_else_by_force(spawn: Spawn) -> None:
    worker = spawn(script(FOREVER))
    worker.expect(Ready)
    worker.process.stop()
    assert worker.end().kind == "shutdown"
    stubborn = spawn(script("import time\ndef main(ctx):\n while True: time.sleep(1)"))
    stubborn.expect(Ready)
    stubborn.process.stop(grace=0.1)
    assert stubborn.end().kind == "shutdown"


@pytest.mark.parametrize(
    ("statement", "limits"),
    [
        ("time.sleep(60)", Limits(wall=0.3)),
        ("while True: pass", Limits(cpu=0.3)),
        ("bytearray(10**9)", Limits(memory=100 * 10**6)),
        (
            EATERS,
            Limits(memory=100 * 10**6),
        ),
    ],
    ids=["wall", "cpu", "memory at once", "memory of children"],
)
def test_the_reason_says_which_limit(spawn: Spawn, statement: str, limits: Limits) -> None:
    source = f"import subprocess, sys, time\ndef main(ctx):\n {statement}"
    reason = spawn(script(source, limits=limits)).end()
    assert reason.kind == "limit"
    name = next(name for name in ("memory", "cpu", "wall") if getattr(limits, name))
    assert reason.detail["limit"] == name
    assert reason.detail["allowed"] == getattr(limits, name)


def test_no_more_mail_is_sent_than_the_window_holds(spawn: Spawn) -> None:
    worker = spawn(script("import time\ndef main(ctx):\n time.sleep(60)"))
    worker.expect(Ready)
    sent = [worker.process.send(mail(n, n)) for n in range(1, WINDOW + 2)]
    assert sent == [True] * WINDOW + [False]


def test_a_worker_starts_fast(spawn: Spawn) -> None:
    def started_fast() -> bool:
        begun = time.monotonic()
        spawn(script("def main(ctx): pass")).expect(Ready)
        share = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # of others' work
        return time.monotonic() - begun < 0.15 * 2 * share  # twice the aim

    eventually(started_fast, 60)  # other tests run beside this one


def test_a_worker_does_not_load_the_runtime(spawn: Spawn) -> None:
    source = (
        "import sys\ndef main(ctx):\n"
        " return [m for m in sys.modules if m.split('.')[0] in ('zmq', 'pykka', 'psutil')]"
    )
    assert value(spawn(script(source))) == []


def test_a_worker_is_nicer_than_its_node(spawn: Spawn) -> None:
    worker = spawn(script(FOREVER))
    pid = worker.expect(Ready).pid
    assert psutil.Process(pid).nice() == min(psutil.Process().nice() + 5, 19)


def test_a_thread_left_behind_cannot_hold_it(spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STOP_GRACE", 0.1)
    source = (
        "import threading, time\ndef main(ctx):\n"
        " threading.Thread(target=time.sleep, args=(60,)).start()\n return 1"
    )
    worker = spawn(script(source))
    assert value(worker) == 1
    assert worker.end().is_normal


def test_after_a_move_no_user_code_runs_here(spawn: Spawn) -> None:
    source = "def main(ctx):\n try: ctx.receive()\n finally: print('acted')"
    worker = spawn(script(source))
    worker.process.send(Freeze("migrate"))
    worker.expect(Frozen)
    worker.process.send(Discard())
    assert worker.end().detail == "moved"
    assert worker.log.read() == b""


def test_what_is_kept_open_is_flushed_at_the_end(spawn: Spawn, tmp_path: Path) -> None:
    path = tmp_path / "out"
    source = f"file = open({str(path)!r}, 'w')\ndef main(ctx): file.write('words')"
    assert spawn(script(source)).end().is_normal
    assert path.read_text() == "words"


def test_arguments_that_are_too_large_are_refused_and_nothing_is_left(
    spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "MESSAGE_LIMIT", 10_000)
    with pytest.raises(channel.MessageTooLargeError, match="write it to a file"):
        spawn(script("def main(ctx, data): pass", args=(b"x" * 20_000,)))


def test_a_script_may_have_a_terminal(spawn: Spawn) -> None:
    source = "def main(ctx):\n return [input('name? '), os.get_terminal_size()[0]]\nimport os"
    worker = spawn(Spec(Script("/none/s.py", source, pty=True)))
    eventually(lambda: b"name? " in worker.log.read())
    worker.process.resize(20, 77)
    worker.process.type(b"me\n")
    assert value(worker) == ["me", 77]
