"""Moves between real nodes: by request, by themselves, refused, and with mail under way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.machines import GatewayError, Machine, Machines, wait_for

COUNTER = """
def main(ctx):
    got = ctx.state.setdefault("got", {})
    while True:
        message = ctx.receive()
        sender, number = message.body
        if number == "end":
            return got
        got.setdefault(sender, []).append(number)
        message.reply([sender, number])
"""

FEEDER = """
def main(ctx, to, name, count):
    answers = ctx.state.setdefault("answers", [])
    for number in ctx.steps("numbers", range(count)):
        if number % 5:
            ctx.send(to, [name, number])
        else:
            answers.append(ctx.ask(to, [name, number], timeout=60)[1])
    return answers
"""

READER = """
from pathlib import Path

def main(ctx, folder):
    sizes = ctx.state.setdefault("sizes", {})
    for path in ctx.steps("files", ctx.path(folder).glob("*")):
        here = Path.cwd().parts[-4]
        sizes[here] = sizes.get(here, 0) + len(path.read_bytes())
    return sizes
"""

SOCKET = """
import socket

def main(ctx):
    ctx.state.line = socket.socket()
    print("ready", flush=True)
    ctx.receive()
"""


def is_ready(machine: Machine, name: str) -> bool:
    return "ready" in machine.call_log(name)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with Machines(tmp_path_factory.mktemp("moves"), "a", "b", "c") as machines:
        yield machines


def test_mail_of_many_senders_follows_to_and_fro(machines: Machines) -> None:
    a, b, c = machines
    a.spawn(COUNTER, name="counter")
    count = 60
    feeders = {f"feeder-{m.name}": m for m in machines}
    for name, machine in feeders.items():
        machine.spawn(FEEDER, "counter", name, count, name=name, on=machine.name)

    def gateway() -> None:
        for number in range(count):
            c.tell("counter", ["gateway", number])

    sender = threading.Thread(target=gateway)
    sender.start()
    for target in "bacb":
        moved = a.migrate("counter", target)
        assert (moved["target"], b.where("counter")) == (target, target)
    sender.join()
    for name, machine in feeders.items():
        assert machine.result(name) == list(range(0, count, 5))  # every ask was answered, once
    wait_for(lambda: b.ask("counter", ["asks", 0]))
    b.tell("counter", ["x", "end"])
    got = a.result("counter")
    for name in (*feeders, "gateway"):
        assert got[name] == list(range(count)), name


@pytest.mark.slow
def test_it_moves_by_itself_to_what_it_reads(machines: Machines) -> None:
    a, b, _ = machines
    folder = b.home / "texts"
    folder.mkdir()
    for number in range(3000):
        (folder / f"{number:04}").write_bytes(b"x" * 500)
    assert a.spawn(READER, f"b:{folder}", name="reader") == "a"
    sizes = a.result("reader", timeout=60.0)
    assert sum(sizes.values()) == 1_500_000
    assert sizes.keys() == {"a", "b"}
    [move] = a.call("explain", name="reader")["moves"]
    assert (move["source"], move["target"]) == ("a", "b")
    assert move["why"].startswith("saves ")


def test_a_trace_id_follows_a_request_to_other_hosts(machines: Machines) -> None:
    a, b, c = machines
    a.spawn("def main(ctx):\n    ctx.receive()\n", name="traced", on="b")
    [asked] = [e for e in a.events() if e["message"] == "traced is to begin on b"]
    [begun] = [e for e in b.events(asked["trace"]) if "begins here" in e["message"]]
    assert (begun["host"], begun["actor"]) == ("b", "computations")
    a.migrate("traced", "c")
    a.call("stop", name="traced", kill=True)

    def said(machine: Machine, text: str) -> list[dict[str, Any]]:
        told = [e for e in machine.events() if e.get("computation", "").startswith("traced#")]
        return [event for event in told if event["message"].startswith(text)]

    [left], [came] = said(b, "is to move to c: asked for"), said(c, "runs here now")
    assert left["trace"]
    assert left["trace"] == came["trace"] != asked["trace"]
    [ended] = said(c, "has ended, stopped")
    assert ended["computation"] == came["computation"] == left["computation"]


def test_near_and_on_decide_where_it_starts(machines: Machines) -> None:
    a, b, c = machines
    data = c.home / "data"
    data.write_bytes(b"x")
    hold = "def main(ctx, *_):\n    ctx.receive()\n"
    assert a.spawn(hold, name="drawn", near=f"c:{data}") == "c"
    assert a.spawn(hold, name="told", on="b") == "b"
    with pytest.raises(GatewayError, match="no host nowhere"):
        a.spawn(hold, name="lost", on="nowhere")
    why = b.call("explain", name="told")["why"]
    assert why == "it was asked to run on b"
    for name in ("drawn", "told"):
        a.call("stop", name=name, kill=True)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (
            SOCKET,
            r"(?s)stays on a.*line.*socket",
        ),
        (
            "def main(ctx):\n    print('ready', flush=True)\n    ctx.receive()\n",
            "it is there already",
        ),
    ],
)
def test_a_refused_move_says_why_and_it_goes_on(machines: Machines, source: str, why: str) -> None:
    a, *_ = machines
    target = "a" if "already" in why else "b"
    a.spawn(source, name="stays")
    wait_for(partial(is_ready, a, "stays"))
    with pytest.raises(GatewayError, match=why):
        a.migrate("stays", target)
    assert a.where("stays") == "a"
    a.tell("stays", "go")
    a.result("stays")


def test_a_running_command_stays_and_a_restartable_one_starts_again(machines: Machines) -> None:
    a, b, _ = machines
    a.spawn_command("sleep", "60", name="sleeper")
    with pytest.raises(GatewayError, match=r"running command.*--restartable"):
        a.migrate("sleeper", "b")
    assert a.where("sleeper") == "a"
    a.call("stop", name="sleeper", kill=True)
    a.spawn_command("sh", "-c", "echo here; sleep 60", name="again", restartable=True)
    a.migrate("again", "b")
    assert b.where("again") == "b"
    wait_for(lambda: "here" in b.call_log("again"))
    b.call("stop", name="again", kill=True)


def test_what_has_ended_or_is_nowhere_cannot_move(machines: Machines) -> None:
    a, *_ = machines
    a.spawn("def main(ctx):\n    return 1\n", name="ended")
    assert a.result("ended") == 1
    with pytest.raises(GatewayError, match="is done"):
        a.migrate("ended", "b")
    with pytest.raises(GatewayError, match="no computation called nobody"):
        a.migrate("nobody", "b")
    with pytest.raises(GatewayError, match="mars is not connected"):
        a.migrate("ended", "mars")


def test_pickled_state_does_not_move_to_another_python(tmp_path: Path) -> None:
    source = """
class Thing:
    pass

def main(ctx, pickled):
    ctx.state.kept = Thing() if pickled else [1]
    print("ready", flush=True)
    ctx.receive()
    return 1
"""
    with Machines(tmp_path, "a", "b", up=False) as machines:
        a, b = machines
        a.up()
        b.up(software="3.99")
        machines.wait_met()
        for name, pickled in (("pickled", True), ("plain", False)):
            a.spawn(source, pickled, name=name)
            wait_for(partial(is_ready, a, name))
        with pytest.raises(GatewayError, match=r"pickled by Python 3\.1.*Python 3\.99"):
            a.migrate("pickled", "b")
        assert a.migrate("plain", "b")["target"] == "b"
        for name in ("pickled", "plain"):
            a.tell(name, "go")
            assert b.result(name) == 1


FRAIL = """
import os, signal, threading

class Fuse:
    burns = False

    def __reduce__(self):
        if Fuse.burns:
            threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return Fuse, ()

def main(ctx):
    ctx.state.held = b"x" * (100 << 20)
    ctx.state.fuse = Fuse()
    for _ in ctx.steps("once", [0]):
        while True:
            message = ctx.receive()
            Fuse.burns = message.body == "burn"
            message.reply([ctx.host, len(ctx.state.held)])
"""


def test_a_worker_that_dies_while_its_state_is_under_way_goes_on_where_it_was(
    machines: Machines,
) -> None:
    a, *_ = machines
    a.spawn(FRAIL, name="frail", on="a", checkpoint_every=3600.0)
    a.ask("frail", "burn")
    with pytest.raises(GatewayError, match=r"frail stays on a: b cannot keep its state"):
        a.migrate("frail", "b")
    assert a.ask("frail", "are you there?") == ["a", 100 << 20]
    assert a.where("frail") == "a"


def test_a_target_that_hangs_does_not_hold_a_computation_for_long(tmp_path: Path) -> None:
    with Machines(tmp_path, "a", "b") as machines:
        a, b = machines
        a.spawn(COUNTER, name="counter")
        a.ask("counter", ["x", 1])
        b.signal(signal.SIGSTOP)
        with pytest.raises(GatewayError, match=r"counter stays on a: .*lost"):
            a.migrate("counter", "b")
        assert a.ask("counter", ["x", 2]) == ["x", 2]
        peer = a.call("status")["peers"][0]
        assert peer["state"] in {"down", "connecting"}  # it is tried again and again
        assert peer["seen"] > 1
        b.signal(signal.SIGCONT)
        machines.wait_met()
        assert a.migrate("counter", "b")["target"] == "b"
