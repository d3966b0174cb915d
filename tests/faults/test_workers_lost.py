"""Workers that are lost, end badly or will not end, on one host."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from simulacra import ComputationError
from simulacra.actors.compute.restarting import INTENSITY
from simulacra.actors.compute.spec import Limits
from tests.onehost import Host, is_gone, until, worker_of

COUNTS = """
import os, signal
from pathlib import Path

def main(ctx):
    seen = ctx.state.setdefault("seen", [])
    for i in ctx.steps("count", range(6)):
        seen.append(i)
        if i == 3 and not Path("died").exists():
            Path("died").touch()
            {death}
    return seen
"""

WAITS = """
import os

def main(ctx):
    print(os.getpid(), flush=True)
    while True:
        ctx.receive()
"""

DEAF = """
import os

def main(ctx):
    print(os.getpid(), flush=True)
    while True:
        pass
"""


def test_a_killed_worker_goes_on_from_its_checkpoint(host: Host) -> None:
    source = COUNTS.format(death="os.kill(os.getpid(), signal.SIGKILL)")
    counts = host.script(source, name="counts", checkpoint_every=0.0001)
    assert counts.result(60) == [0, 1, 2, 3, 4, 5]
    assert host.row("counts")["restarts"] == 1
    assert "its worker was lost (killed (SIGKILL))" in host.log("counts")


def test_a_worker_whose_guard_is_killed_goes_on_and_leaves_no_process(host: Host) -> None:
    waits = host.script(WAITS, name="waits")
    first = worker_of(host, "waits")
    os.kill(psutil.Process(first).ppid(), signal.SIGKILL)
    second = until(lambda: (pid := worker_of(host, "waits")) != first and pid)
    until(lambda: is_gone(first))
    assert "its guard was killed" in host.log("waits")
    waits.stop()
    assert not psutil.pid_exists(second)


def test_a_worker_that_is_lost_again_and_again_is_given_up(host: Host) -> None:
    host.script("import os, signal\ndef main(ctx):\n    os.kill(os.getpid(), 9)", name="dies")
    found = host.result("dies")
    assert (found["state"], found["reason"]["kind"]) == ("failed", "killed")
    assert host.row("dies")["restarts"] == INTENSITY
    assert f"started again {INTENSITY} times in 60 s, and lost again" in host.log("dies")


@pytest.mark.parametrize(
    ("policy", "death", "restarts", "state"),
    [
        ("temporary", "os.kill(os.getpid(), 9)", 0, "failed"),
        ("transient", "os.kill(os.getpid(), 9)", 1, "done"),
        ("transient", "return 7", 0, "done"),
        ("permanent", "return 7", 1, "done"),
    ],
)
def test_restart_policies(host: Host, policy: str, death: str, restarts: int, state: str) -> None:
    source = f"""
import os, signal
from pathlib import Path
def main(ctx):
    if not Path("died").exists():
        Path("died").touch()
        {death}
    ctx.send("test", "again")
    ctx.receive({"None" if policy == "permanent" else "0"})
"""
    one = host.script(source, name="one", restart=policy)
    if policy == "permanent":
        until(lambda: host.row("one")["restarts"] == 1 and host.row("one")["state"] == "running")
        one.stop()
        assert host.result("one")["state"] == "stopped"
    else:
        assert host.result("one")["state"] == state
    assert host.row("one")["restarts"] == restarts


def test_the_same_error_twice_ends_it_with_its_traceback(host: Host) -> None:
    fails = host.script("def main(ctx):\n    return 1 / 0", name="fails")
    with pytest.raises(ComputationError, match="fails: ZeroDivisionError") as failed:
        fails.result(60)
    assert 'script.py", line 2, in main' in failed.value.traceback_text
    assert host.row("fails")["restarts"] == 1


def test_what_ignores_sigterm_or_has_no_safe_point_is_killed_when_stopped(host: Host) -> None:
    stubborn = host.command("sh", "-c", "trap '' TERM; echo $$; while :; do sleep 1; done")
    deaf = host.script(DEAF, name="deaf")
    pids = worker_of(host, stubborn.name), worker_of(host, "deaf")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda each: each.stop(), (stubborn, deaf)))
    assert host.result("deaf")["state"] == host.result(stubborn.name)["state"] == "stopped"
    assert not any(map(psutil.pid_exists, pids))


def test_stopped_at_once_with_kill(host: Host) -> None:
    deaf = host.script(DEAF, name="deaf")
    pid = worker_of(host, "deaf")
    deaf.stop(kill=True)
    assert not psutil.pid_exists(pid)
    assert host.result("deaf")["state"] == "stopped"


def test_stopped_while_its_worker_is_started_again(host: Host) -> None:
    dies = host.script("import os\ndef main(ctx):\n    os.kill(os.getpid(), 9)", name="dies")
    until(lambda: host.row("dies")["state"] == "starting")
    dies.stop()
    assert host.result("dies")["state"] == "stopped"


@pytest.mark.parametrize(
    ("limits", "body", "said"),
    [
        (Limits(memory=128 * 2**20), "x = bytearray(2**30)", "memory"),
        (Limits(cpu=0.3), "while True: pass", "cpu"),
        (Limits(wall=0.3), "ctx.receive()", "wall"),
    ],
)
def test_over_a_limit_it_ends_and_says_which(
    host: Host, limits: Limits, body: str, said: str
) -> None:
    host.script(f"def main(ctx):\n    {body}", name="hungry", limits=limits)
    found = host.result("hungry")
    assert (found["state"], found["reason"]["kind"]) == ("failed", "limit")
    assert said in found["reason"]["text"]
    assert f"--{said}" in found["reason"]["text"]
    assert host.row("hungry")["restarts"] == 0


def test_a_command_is_not_run_again_unless_that_was_said(host: Host) -> None:
    host.command("sh", "-c", "echo ran; kill -9 $$", name="once")
    assert host.result("once")["reason"]["kind"] == "killed"
    assert host.log("once").splitlines() == ["ran"]
    again = "echo ran; test -e died || { touch died; kill -9 $$; }"
    host.command("sh", "-c", again, name="again", restartable=True)
    assert host.result("again")["state"] == "done"
    assert host.log("again").splitlines().count("ran") == 2


def test_a_command_ends_with_its_exit_code(host: Host) -> None:
    host.command("sh", "-c", "exit 3", name="three")
    assert host.result("three")["reason"]["exit"] == 3
    host.command("no-such-program", name="missing")
    assert host.result("missing")["reason"]["exit"] == 127
    assert "no-such-program: No such file" in host.log("missing")
