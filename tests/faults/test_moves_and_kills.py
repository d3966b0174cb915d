"""A node is killed with SIGKILL at every step of a move, at either side, and started again.

Then the computation runs at one place, and has had every message once and in order.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.machines import GatewayError, Machine, Machines, wait_for

# Refuses to run twice at a time: the lock is held for as long as the process lives.
KEEPER = """
import fcntl, time

def main(ctx, lock):
    held = open(lock, "w")
    for _ in range(200):
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(0.01)
    else:
        raise RuntimeError("it runs at two places")
    got = ctx.state.setdefault("got", {})
    while True:
        message = ctx.receive()
        sender, number = message.body
        if number == "end":
            return got
        got.setdefault(sender, []).append(number)
        message.reply({each: len(numbers) for each, numbers in got.items()})
"""

FEEDER = """
def main(ctx, to, count):
    for number in ctx.steps("numbers", range(count)):
        ctx.send(to, ["feeder", number])
        ctx.receive(timeout=0.005)
"""

FED = 30
ALL_STEPS = "SIMULACRA_EVERY_STEP"


class Play:
    """One move in which a side dies at a step.

    Args:
        machines: the source and the target.
        dying: which of them dies.
        step: at which step.
    """

    def __init__(self, machines: Machines, dying: Machine, step: int) -> None:
        self.source, self.target = machines
        self.dying = dying
        self.survivor = self.target if dying is self.source else self.source
        self.step = step
        self.name = f"keeper-{dying.name}-{step}"
        self.sent = 0

    def tell(self) -> None:
        self.survivor.tell(self.name, ["test", self.sent])
        self.sent += 1

    def migrate(self) -> None:
        with suppress(GatewayError):
            self.source.migrate(self.name, self.target.name)

    def run(self) -> bool:
        """Whether the node died; false once there is no such step any more."""
        lock = str(self.source.home / f"{self.name}.lock")
        self.source.spawn(KEEPER, lock, name=self.name, on=None)
        self.survivor.spawn(FEEDER, self.name, FED, name=f"feeder-{self.name}")
        self.tell()
        moving = threading.Thread(target=self.migrate)
        moving.start()
        while moving.is_alive() and self.dying.is_up:
            self.tell()
            time.sleep(0.001)
        with suppress(AssertionError):
            self.dying.wait_dead(0.3)  # the last steps come when the move is over
        died = not self.dying.is_up
        self.tell()
        self.dying.kill()
        self.dying.up()
        moving.join()
        self.check()
        return died

    def check(self) -> None:
        name, survivor = self.name, self.survivor
        wait_for(lambda: survivor.where(name), what=f"{name} runs at one place")
        self.tell()
        survivor.result(f"feeder-{name}")
        wait_for(
            lambda: survivor.ask(name, ["asks", 0]).get("feeder") == FED, what="it got all mail"
        )
        self.survivor.tell(name, ["test", "end"])
        got = survivor.result(name)
        assert got["test"] == list(range(self.sent))
        assert got["feeder"] == list(range(FED))


def play(folder: Path, dying: int, steps: range | list[int]) -> int:
    """The number of steps at which the node died."""
    died = 0
    with Machines(folder, "a", "b") as machines:
        machine = machines.all[dying]
        for step in steps:
            machine.kill()
            machine.up(die_at=step)
            machines.wait_met()
            if not Play(machines, machine, step).run():
                break
            died += 1
    return died


@pytest.mark.slow
@pytest.mark.parametrize("dying", [0, 1], ids=["source", "target"])
def test_a_node_may_die_at_some_steps(tmp_path: Path, dying: int) -> None:
    steps = [4, 10, 15]
    assert play(tmp_path, dying, steps) == len(steps)


@pytest.mark.skipif(ALL_STEPS not in os.environ, reason=f"takes a minute: set {ALL_STEPS}=1")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("dying", [0, 1], ids=["source", "target"])
def test_a_node_may_die_at_every_step(tmp_path: Path, dying: int) -> None:
    assert play(tmp_path, dying, range(1, 1000)) >= 15
