"""Mail between computations of one node, and with programs: what is promised holds."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import simulacra
from simulacra.actors.compute.context import Message
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from tests.onehost import Host, until, worker_of

COLLECTS = """
import os

def main(ctx, count):
    print(os.getpid(), flush=True)
    got = ctx.state.setdefault("got", [])
    while len(got) < count:
        got.append(ctx.receive().body)
    return got
"""

ECHO = """
def main(ctx):
    while True:
        message = ctx.receive()
        if message.body == "fail":
            message.reply_error(ValueError("not this one"))
        elif message.body != "silence":
            message.reply(["heard", message.body])
"""


def test_letters_arrive_in_order_also_from_one_that_ends_at_once(host: Host) -> None:
    gets = host.script(COLLECTS, name="gets", args=(100,))
    host.script("def main(ctx):\n    for n in range(100): ctx.send('gets', n)", name="writes")
    assert gets.result(60) == list(range(100))


def test_mail_while_the_worker_is_killed_arrives_once_and_in_order(host: Host) -> None:
    gets = host.script(COLLECTS, name="gets", args=(60,), checkpoint_every=0.02)
    for n in range(60):
        if n in (20, 40):
            pid = worker_of(host, "gets")
            os.kill(pid, signal.SIGKILL)
        gets.tell(n)
        if n == 30:
            until(lambda: worker_of(host, "gets") != pid)  # noqa: B023 (used at once)
    assert gets.result(60) == list(range(60))


def test_ask_reply_error_and_silence_between_computations(host: Host) -> None:
    host.script(ECHO, name="echo")
    source = """
def main(ctx):
    said = [ctx.ask("echo", 1), ctx.ask("echo@desk", 2)]
    for what, timeout in (("fail", 5), ("silence", 0.1)):
        try:
            ctx.ask("echo", what, timeout)
        except Exception as error:
            said.append([type(error).__name__, str(error)])
    return said
"""
    one, two, failed, late = host.script(source, name="asks").result(60)
    assert (one, two) == (["heard", 1], ["heard", 2])
    assert failed == ["RemoteAskError", "ValueError: not this one"]
    assert late[0] == "TimeoutError"


def test_an_ask_fails_when_the_one_asked_ends_or_never_was(host: Host) -> None:
    host.script("def main(ctx):\n    ctx.receive()", name="ends")
    source = """
def main(ctx):
    said = []
    for name in ("ends", "nobody"):
        try:
            ctx.ask(name, "hello", timeout=None)
        except Exception as error:
            said.append(str(error))
    return said
"""
    ended, nobody = host.script(source, name="asks").result(60)
    assert "normal" in ended
    assert "nobody in the network is called 'nobody'" in nobody


def test_a_letter_to_nobody_is_a_dead_letter(host: Host) -> None:
    before = host.client.item("status")["dead_letters"]
    host.script("def main(ctx):\n    ctx.send('nobody', 1)", name="writes").result(60)
    until(lambda: host.client.item("status")["dead_letters"] == before + 1)


def test_the_sender_of_a_letter_is_an_address(host: Host) -> None:
    answers = "def main(ctx):\n    message = ctx.receive()\n    ctx.send(message.sender, 'back')"
    host.script(answers, name="answers")
    source = "def main(ctx):\n    ctx.send('answers', 1)\n    return ctx.receive(10).body"
    assert host.script(source, name="asks").result(60) == "back"


def test_an_ask_of_one_that_is_killed_midway_is_answered_once_it_goes_on(host: Host) -> None:
    source = """
import os
from pathlib import Path

def main(ctx):
    message = ctx.receive()
    if not Path("died").exists():
        Path("died").touch()
        os.kill(os.getpid(), 9)
    message.reply("after all")
    ctx.receive()
"""
    dies = host.script(source, name="dies")
    assert dies.ask("hello", timeout=60) == "after all"


def test_a_program_asks_and_tells(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULACRA_HOME", str(host.home))
    monkeypatch.setenv("SIMULACRA_NAME", "desk")

    class Total:
        def __init__(self) -> None:
            self.total = 0

        def on_receive(self, message: Message) -> int:
            if not isinstance(message.body, int):
                raise TypeError("numbers only")
            self.total += message.body
            return self.total

    total = simulacra.spawn(Total, name="total")
    total.tell(1)
    assert total.ask(2) == 3
    assert simulacra.connect().computation("total").ask(4) == 7
    with pytest.raises(GatewayError, match="TypeError: numbers only"):
        total.ask("five")
    # Since the checkpoint it has not taken that message: it comes again, and ends it the same way.
    assert host.result("total")["state"] == "failed"
    assert host.row("total")["restarts"] == 1


def test_a_program_that_asks_in_vain_is_told_and_leaves_nothing(host: Host) -> None:
    silent = host.script(ECHO, name="silent")
    with pytest.raises(GatewayError) as late:
        silent.ask("silence", timeout=1.0)
    assert late.value.code is ErrorCode.TIMED_OUT
    assert (late.value.message, late.value.hint) in (
        ("silent has not answered in 0.75 s", "see how it is: simulacra ps silent"),
        # The gateway's own, where this machine is too busy for the other to come first.
        (
            "the node did not finish `ask` in the time it was given",
            "see whether the node is well: simulacra doctor",
        ),
    )
    with pytest.raises(GatewayError, match="nobody in the network is called 'nobody'") as unknown:
        host.network.computation("nobody").tell("hello")
    assert unknown.value.code is ErrorCode.NOT_FOUND
    with host.client.open("ask", timeout=None, name="silent", body=b"m\xa7silence") as ask:
        until(lambda: host.row("silent")["mailbox"] == 0)
        del ask


def test_functions_and_their_arguments_and_results(host: Host) -> None:
    def main(_ctx: object, one: set[int], *, two: Path) -> dict[Path, set[int]]:
        return {two: one}

    spawned = host.network.spawn(main, args=({1, 2},), kwargs={"two": Path("/x")})
    assert spawned.result(60) == {Path("/x"): {1, 2}}
