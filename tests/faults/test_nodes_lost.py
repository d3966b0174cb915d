"""A node that is killed, stopped, ended or doubled while its computations run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import simulacra.client
from simulacra.actors.compute.spec import Script, Spec
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Paths
from simulacra.cli.exits import ExitCode
from simulacra.client import Client
from simulacra.network import Computation, Network
from tests.onehost import PATIENCE, until
from tests.warm import warm

SUMS = """
import os
def main(ctx):
    print(os.getpid(), flush=True)
    seen = ctx.state.setdefault("seen", [])
    while len(seen) < 2:
        message = ctx.receive(timeout=0.02)
        if message is not None:
            seen.append(message.body)
            print("took", message.body, flush=True)
    return seen
"""


class Machine:
    """A node in a process of its own, and the command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        kept = {key: value for key, value in os.environ.items() if "SIMULACRA" not in key}
        self.environ = {**kept, "SIMULACRA_HOME": str(self.home), "SIMULACRA_NAME": "desk"}
        paths = Paths.find(self.environ)
        self.socket = paths.socket("desk")
        self.members = paths.members
        self.client = Client(self.socket)
        self.network = Network(self.client)
        self.process: subprocess.Popen[bytes] | None = None

    def up(self) -> int:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulacra", "up"],
            env=self.environ,
            cwd=self.folder,
            stderr=subprocess.DEVNULL,
        )
        until(self.answers)
        return self.process.pid

    def answers(self) -> bool:
        with suppress(GatewayError):
            return bool(self.client.item("status"))
        return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)
        until(lambda: not self.left())

    def left(self) -> list[psutil.Process]:
        """Processes of this machine other than its node."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                ours = process.environ().get("SIMULACRA_HOME") == str(self.home)
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return warm().run(words, env=self.environ, cwd=self.folder, timeout=PATIENCE)

    def newest_checkpoint(self) -> int:
        found = (self.home / "state/desk/computations").glob("*/checkpoint-*[0-9]")
        return max((int(path.name.rpartition("-")[2]) for path in found), default=0)

    def sums(self) -> Computation:
        spec = Spec(Script("/x/sums.py", SUMS), name="sums", checkpoint_every=0.0001)
        self.client.item("spawn", spec=spec.to_plain())
        until(lambda: b"\n" in b"".join(self.network.computation("sums").logs()))
        return self.network.computation("sums")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    try:
        yield machine
        if machine.process is not None:
            machine.process.send_signal(signal.SIGCONT)
            machine.process.terminate()
            assert machine.process.wait(PATIENCE) in (0, -signal.SIGKILL)
        until(lambda: not machine.left())
    finally:
        for process in machine.left():
            process.kill()


def test_computations_go_on_from_their_checkpoints_after_the_node_was_killed(
    machine: Machine,
) -> None:
    machine.up()
    sums = machine.sums()
    sums.tell("one")
    until(lambda: b"took one" in b"".join(sums.logs()))
    before = machine.newest_checkpoint()
    until(lambda: machine.newest_checkpoint() >= before + 2)
    machine.kill()
    assert machine.socket.exists()  # nobody could remove it
    with pytest.raises(GatewayError, match="no node is up here") as gone:
        sums.result()
    assert gone.value.hint == "start one: simulacra up --detach"
    machine.up()
    sums.tell("two")
    assert sums.result(60) == ["one", "two"]


def test_a_node_that_is_stopped_and_continued(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulacra.client, "_GRACE", 0.2)
    pid = machine.up()
    sums = machine.sums()
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(GatewayError) as late:
        machine.client.item("status", timeout=0.1)
    assert late.value.code is ErrorCode.TIMED_OUT
    assert late.value.hint == "see whether it is well: simulacra doctor"
    os.kill(pid, signal.SIGCONT)
    sums.tell("one")
    sums.tell("two")
    assert sums.result(60) == ["one", "two"]


def test_down_while_things_run(machine: Machine) -> None:
    machine.up()
    sums = machine.sums()
    sums.tell("one")
    down = machine.run("down")
    assert down.returncode == ExitCode.OK
    assert "node desk is down; computations it had: 1" in down.stderr
    assert machine.process is not None
    assert machine.process.wait(PATIENCE) == 0
    assert not machine.left()
    assert not machine.socket.exists()
    again = machine.run("down")
    assert again.returncode == ExitCode.UNREACHABLE
    assert "simulacra up --detach" in again.stderr
    machine.up()
    assert machine.client.item("ps", name="sums")["rows"][-1]["state"] == "running"


def test_exit_codes(machine: Machine) -> None:
    machine.up()
    (machine.folder / "bad.py").write_text("def main(ctx):\n    return 1 / 0\n")
    (machine.folder / "good.py").write_text("def main(ctx):\n    return 6 * 7\n")
    good = machine.run("spawn", "good.py", "--wait")
    assert (good.returncode, good.stdout) == (ExitCode.OK, "42\n")
    bad = machine.run("spawn", "bad.py", "--wait")
    assert bad.returncode == ExitCode.FAILED
    assert "ZeroDivisionError" in bad.stderr
    assert "see what it printed: simulacra logs" in bad.stderr
    codes = {
        ("spawn", "--wait", "--", "sh", "-c", "exit 3"): 3,
        ("spawn", "nothing.py"): ExitCode.NOT_FOUND,
        ("spawn", "--on", "nowhere", "good.py"): ExitCode.UNPLACEABLE,
        ("result", "nothing"): ExitCode.NOT_FOUND,
        ("migrate", "nothing", "nowhere"): ExitCode.NOT_FOUND,
        ("send", "nothing", "hello"): ExitCode.NOT_FOUND,
        ("spawn", "--restart", "often", "good.py"): ExitCode.USAGE,
    }
    for words, code in codes.items():
        ended = machine.run(*words)
        assert ended.returncode == code, (words, ended)
        assert ended.stderr or code == 3


def test_a_second_node_of_the_name_is_refused_and_harms_nothing(machine: Machine) -> None:
    machine.up()
    sums = machine.sums()
    first = b"".join(sums.logs())
    second = machine.run("up")
    assert second.returncode == ExitCode.FAILED
    assert "node desk is already up on this machine" in second.stderr
    machine.environ["XDG_RUNTIME_DIR"] = str(machine.folder)
    elsewhere = {**machine.environ, "XDG_STATE_HOME": str(machine.home / "state")}
    del elsewhere["SIMULACRA_HOME"]
    (machine.home / "state" / "simulacra").symlink_to(machine.home / "state")
    third = subprocess.run(
        [sys.executable, "-m", "simulacra", "up"],
        env={**elsewhere, "XDG_CONFIG_HOME": str(machine.folder / "config")},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert third.returncode == ExitCode.FAILED
    assert "node desk is already up on this machine" in third.stderr
    assert b"".join(sums.logs()) == first
    assert machine.answers()


def test_a_node_that_cannot_start_says_why_and_ends(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = machine.run("up", "--listen", f"127.0.0.1:{port}")
    assert ended.returncode == ExitCode.FAILED
    assert "cannot listen on" in ended.stderr
    assert "simulacra up --listen HOST:PORT" in ended.stderr
    machine.members.write_text("nas not-a-key\n")
    ended = machine.run("up")
    assert ended.returncode == ExitCode.FAILED
    assert str(machine.members) in ended.stderr
    machine.members.write_text("")
    ended = machine.run("up", "--join", "127.0.0.1:9")
    assert ended.returncode == ExitCode.USAGE
    assert "simulacra keys add NAME KEY 127.0.0.1:9" in ended.stderr
    assert not machine.socket.exists()
    launched = machine.run("up", "--detach", "--join", "127.0.0.1:9", "--json")
    assert launched.returncode == ExitCode.FAILED
    assert "ended while it was starting" in json.loads(launched.stdout)["error"]["message"]
