"""Every command against real nodes: two of them, in processes of their own, linked by CURVE."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator

import pytest

from simulacra.actors.compute.values import pack, unpack_plain
from simulacra.cli.exits import ExitCode

from .homes import Home, two_homes, until_linked

COUNT = """
import time
def main(ctx, n=0, pause=0.0):
    print("begin on", ctx.host, ctx.state.setdefault("sum", 0), flush=True)
    for i in ctx.steps("numbers", range(n)):
        time.sleep(pause)
        ctx.state.sum += i
        print("did", i, flush=True)
    return ctx.state.sum
"""
ADD = """
def main(ctx):
    ctx.state.setdefault("sum", 0)
    print("begin on", ctx.host, flush=True)
    while True:
        message = ctx.receive()
        if message.body == "end":
            return ctx.state.sum
        ctx.state.sum += message.body
        print("sum", ctx.state.sum, flush=True)
"""
ECHO = """
import socket, sys
def main(ctx):
    server = socket.create_server(("127.0.0.1", 0))
    print("port", server.getsockname()[1], flush=True)
    connection, _ = server.accept()
    with connection:
        while data := connection.recv(100):
            connection.sendall(data.upper())
"""

Homes = tuple[Home, Home]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homes]:
    with two_homes(tmp_path_factory.mktemp("homes")) as both:
        yield both


@pytest.fixture(autouse=True)
def _linked(homes: Homes) -> None:
    until_linked(*homes)


# -- this machine


def test_status_shows_the_node_and_its_peer(homes: Homes) -> None:
    desk, nas = homes
    status = desk.do("status", "--json").json()
    assert (status["host"], status["peers"][0]["host"]) == ("desk", "nas")
    assert status["peers"][0]["state"] == "up"
    assert status["peers"][0]["address"] == nas.do("keys", "--json").json()["address"]
    assert "nas" in desk.do("status").stdout


def test_a_node_that_is_up_is_not_started_again(homes: Homes) -> None:
    assert "already up" in homes[0].do("up", "--detach").stderr


def test_doctor_finds_both_well(homes: Homes) -> None:
    shown = homes[0].do("doctor").stdout
    assert "peer nas" in shown
    assert "wrong" not in shown


def test_events_tell_who_came(homes: Homes) -> None:
    desk, _ = homes
    assert "host.joined       nas is" in desk.do("events").stdout
    assert len(desk.do("events", "--tail", "1").stdout.splitlines()) == 1
    following = desk.start("events", "-f", "--json")
    assert following.stdout is not None
    told = (json.loads(line) for line in following.stdout)
    assert any((each["kind"], each["host"]) == ("host.joined", "nas") for each in told)
    following.send_signal(signal.SIGINT)
    following.communicate(timeout=60)
    assert following.returncode == 130


def test_keys_that_are_shown_are_those_that_are_admitted(homes: Homes) -> None:
    desk, nas = homes
    [admitted] = desk.do("keys", "list", "--json").json()
    assert admitted == nas.do("keys", "--json").json()


def test_where_no_node_is_up_spawn_starts_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    alone = Home("alone", tmp_path_factory.mktemp("alone"))
    ended = alone.run("spawn", "--wait", "--", "echo", "hello")
    try:
        assert (ended.code, ended.stdout) == (0, "hello\n")
        assert "starting one, alone" in ended.stderr
    finally:
        down = alone.do("down")
    assert "node alone is down" in down.stderr
    assert alone.run("status").code == ExitCode.UNREACHABLE


# -- spawning


def test_a_script_is_shown_while_it_runs_and_then_its_result(homes: Homes) -> None:
    desk, _ = homes
    script = desk.script("shown", COUNT)
    ended = desk.do("spawn", script, "--on", "nas", "--arg", "n=4", "--wait")
    assert ended.stdout.splitlines() == ["begin on nas 0", *(f"did {i}" for i in range(4)), "6"]


def test_a_callable_of_a_module(homes: Homes) -> None:
    ended = homes[0].do("spawn", "pieces:greet", "--arg", "name=you", "--on", "nas", "--wait")
    assert ended.stdout == "on nas\nhello you\n"


def test_a_command_returns_its_own_code(homes: Homes) -> None:
    command = ("sh", "-c", "echo out; exit 3")
    ended = homes[0].run("spawn", "--on", "nas", "--wait", "--", *command)
    assert (ended.code, ended.stdout) == (3, "out\n")


def test_it_starts_where_its_data_is(homes: Homes) -> None:
    desk, nas = homes
    data = nas.folder / "data"
    data.mkdir()
    for number in range(3):
        (data / f"{number}.bin").write_bytes(os.urandom(1 << 20))
    source = "def main(ctx, data):\n return [ctx.host, len(ctx.path(data).glob('*.bin'))]\n"
    script = desk.script("near", source)
    ended = desk.do("spawn", script, "--reads", f"data=nas:{data}", "--wait", "--json")
    assert ended.json()["value"] == ["nas", 3]


def test_what_cannot_be_placed_or_found_says_so(homes: Homes) -> None:
    desk, _ = homes
    nowhere = desk.run("spawn", "--on", "phone", "--json", "--", "true")
    assert nowhere.code == ExitCode.UNPLACEABLE
    assert "no host phone" in nowhere.json()["error"]["message"]
    for words in (("logs", "none"), ("stop", "none"), ("migrate", "none", "nas")):
        assert desk.run(*words).code == ExitCode.NOT_FOUND


def test_a_name_is_taken_while_its_computation_runs(homes: Homes) -> None:
    desk, nas = homes
    desk.do("spawn", "--name", "taken", "--", "sleep", "60")
    again = nas.run("spawn", "--name", "taken", "--", "true")
    assert (again.code, "taken by a computation on desk" in again.stderr) == (1, True)
    assert "stopped" in nas.do("stop", "taken").stderr
    assert nas.run("result", "taken").code == ExitCode.FAILED


# -- moving


def test_the_log_is_one_over_all_moves_also_for_those_who_follow(homes: Homes) -> None:
    desk, nas = homes
    script = desk.script("travel", ADD)
    desk.do("spawn", script, "--name", "travel")
    follower = nas.start("logs", "travel", "-f")
    for number, target in enumerate(("nas", "desk", "nas"), 1):
        desk.do("send", "travel", "1")
        desk.until_logged("travel", f"sum {number}\n")
        moved = desk.do("migrate", "travel", target, "--json").json()
        assert (moved["target"], moved["epoch"]) == (target, number)
    desk.until(lambda: desk.logged("travel").count("begin on nas") == 2)
    nas.do("send", "travel", '"end"')
    assert nas.do("result", "travel", "--wait").stdout == "3\n"
    hosts = ["desk", "nas", "desk", "nas"]
    expected = [f"begin on {host}" for host in hosts]
    followed, _ = follower.communicate(timeout=60)
    for shown in (followed, desk.do("logs", "travel").stdout):
        lines = [line for line in shown.splitlines() if not line.startswith("[simulacra]")]
        assert [line for line in lines if line.startswith("begin")] == expected
        assert [line for line in lines if line.startswith("sum")] == ["sum 1", "sum 2", "sum 3"]
    assert desk.do("logs", "travel", "--tail", "1").stdout == "begin on nas\n"
    explained = desk.do("explain", "travel", "--json").json()
    assert [move["target"] for move in explained["moves"]] == hosts[1:]
    assert "asked for" in desk.do("explain", "travel").stdout


def test_a_killed_worker_goes_on_from_its_checkpoint(homes: Homes) -> None:
    desk, nas = homes
    script = desk.script("hurt", COUNT)
    desk.do(
        "spawn", script, "--name", "hurt", "--on", "nas", "--checkpoint-every", "50ms",
        "--arg", "n=40", "--arg", "pause=0.03",
    )  # fmt: skip
    desk.until_logged("hurt", "did 10\n")
    desk.until(lambda: nas.row("hurt")["pid"])
    os.kill(nas.row("hurt")["pid"], signal.SIGKILL)
    assert desk.do("result", "hurt", "--wait").stdout == "780\n"
    [first, again] = [line for line in desk.logged("hurt").splitlines() if "begin" in line]
    assert first == "begin on nas 0"
    assert int(again.removeprefix("begin on nas ")) > 0
    assert desk.row("hurt")["restarts"] == 1
    assert "hurt" in desk.do("ps", "--finished").stdout
    assert "hurt" not in desk.do("ps").stdout


def test_a_movable_actor_keeps_its_attributes(homes: Homes) -> None:
    desk, nas = homes
    desk.do("spawn", "pieces:Adder", "--name", "adder", "--arg", "start=10")
    desk.do("send", "adder", "5")
    desk.do("migrate", "adder", "nas")
    answer = nas.client.item("ask", name="adder", body=pack(1, "a number"))
    assert unpack_plain(answer["body"]) == 16
    assert desk.row("adder")["host"] == "nas"
    desk.do("stop", "adder")


def test_a_command_stays_and_says_how_it_could_move(homes: Homes) -> None:
    desk, _ = homes
    desk.do("spawn", "--name", "fixed", "--", "sleep", "60")
    refused = desk.run("migrate", "fixed", "nas")
    assert (refused.code, "--restartable" in refused.stderr) == (1, True)
    assert desk.row("fixed")["host"] == "desk"
    desk.do("stop", "fixed", "--kill")


# -- terminals and ports


def test_a_terminal_is_left_and_attached_to_again(homes: Homes) -> None:
    desk, nas = homes
    shell = desk.terminal("spawn", "--tty", "--on", "nas", "--name", "shell", "--", "sh")
    shell.until(b"attached to shell")
    shell.type(b"echo $((6*7)) $(stty size)\r")
    shell.until(b"42 24 80")
    shell.type(b"\x1d")
    assert shell.end() == 0
    again = nas.terminal("attach", "shell")
    again.until(b"attached to shell")
    again.type(b"echo $((7*7)); exit 3\r")
    again.until(b"49")
    again.until(b"shell has ended")
    assert again.end() == 0


def test_a_script_may_have_a_terminal(homes: Homes) -> None:
    desk, _ = homes
    script = desk.script("ask", "def main(ctx):\n  return input('who? ')\n")
    terminal = desk.terminal("spawn", "--tty", "--name", "who", script)
    terminal.until(b"who? ")
    terminal.type(b"me\r")
    assert terminal.end() == 0
    assert desk.do("result", "who").stdout == "me\n"


def test_a_port_of_a_computation_is_reached_from_here(homes: Homes) -> None:
    desk, _ = homes
    desk.do("spawn", desk.script("echo", ECHO), "--name", "echo", "--on", "nas")
    desk.until(lambda: desk.logged("echo").startswith("port "))
    port = desk.logged("echo").split()[1]
    forwarder = desk.start("forward", "echo", port, "--local", "0", "--json")
    try:
        assert forwarder.stdout is not None
        local = json.loads(forwarder.stdout.readline())["local"]
        with socket.create_connection(("127.0.0.1", local), timeout=60) as connection:
            connection.sendall(b"hello")
            assert connection.recv(100) == b"HELLO"
    finally:
        forwarder.send_signal(signal.SIGINT)
        forwarder.communicate(timeout=60)
    assert forwarder.returncode == ExitCode.INTERRUPTED


def test_ctrl_c_ends_the_waiting_and_not_what_is_waited_for(homes: Homes) -> None:
    desk, _ = homes
    waiting = desk.start(
        "spawn", "--name", "patient", "--wait", "--", "sh", "-c", "echo x; sleep 60"
    )
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == "x\n"
    waiting.send_signal(signal.SIGINT)
    _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == ExitCode.INTERRUPTED
    assert "goes on without you" in said
    assert desk.row("patient")["state"] == "running"
    desk.do("stop", "patient", "--kill")
