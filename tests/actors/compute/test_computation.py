"""A computation's actor: stopped, awaited and asked in its odd moments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.actors.compute import moves as m
from simulacra.actors.compute.computations import UnknownComputationError
from simulacra.actors.compute.computing import Await, Carry, Look, Migrate, ReadOutput, StopIt
from simulacra.actors.compute.services import THIS_SOFTWARE
from simulacra.actors.compute.travelling import MoveError
from simulacra.actors.gateway.frames import GatewayError
from tests.onehost import Host, one_host, until
from tests.support import no_thread
from tests.twohosts import two_hosts

WAITS = "def main(ctx):\n    while True:\n        ctx.receive()"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with one_host(tmp_path) as host:
        yield host


def frozen(host: Host) -> str:
    """The party of a computation that is frozen, to move to ``nas``, which says nothing more."""
    host.script(WAITS, name="waits")
    party = host.folder("waits").name
    host.table.ask(Migrate(party, "nas"), block=False)

    def is_moving() -> bool:
        host.table.tell(Carry("nas", m.Accepted(party, 1, THIS_SOFTWARE)))
        return bool(host.row("waits")["state"] == "moving")

    until(is_moving)
    return party


def test_stopped_while_frozen_it_ends_when_the_move_fails(host: Host) -> None:
    party = frozen(host)
    stopped = host.table.ask(StopIt(party), block=False)
    assert host.row("waits")["state"] == "moving"
    host.table.tell(Carry("nas", m.Refused(party, 1, "its disk is full")))
    assert stopped.get(timeout=60).state == "stopped"


def test_a_move_that_fails_says_why_and_it_goes_on(host: Host) -> None:
    host.script(WAITS, name="waits")
    party = host.folder("waits").name
    moving = host.table.ask(Migrate(party, "nas"), block=False)
    host.table.tell(Carry("nas", m.Refused(party, 1, "its disk is full")))
    with pytest.raises(MoveError, match="waits stays on desk: its disk is full"):
        moving.get(timeout=60)
    assert host.table.ask(Look(party)).state == "running"
    again = host.table.ask(Migrate(party, "desk"), block=False)
    with pytest.raises(MoveError, match="it is there already"):
        again.get(timeout=60)


@pytest.mark.parametrize("lacks", ["fetch-", "flush"])
def test_a_target_without_threads_refuses_the_move_and_takes_the_next(
    tmp_path: Path, lacks: str
) -> None:
    with two_hosts(tmp_path) as (desk, _):
        waits = desk.script(WAITS, name="waits", on="desk")
        refusal = "nas cannot keep its state: .*can't start new thread; try again later"
        with no_thread(lacks), pytest.raises(GatewayError, match=refusal):
            waits.migrate("nas")
        until(lambda: desk.row("waits")["state"] == "running")
        waits.migrate("nas")
        until(lambda: desk.row("waits")["host"] == "nas")


def test_awaited_it_is_described_within_a_while_and_nothing_piles_up(host: Host) -> None:
    host.script(WAITS, name="waits")
    party = host.folder("waits").name
    waiting = [host.table.ask(Await(party), block=False) for _ in range(10)]
    assert {each.get(timeout=60).state for each in waiting} == {"running"}
    host.table.ask(StopIt(party), timeout=60)
    assert host.table.ask(Await(party)).state == "stopped"
    ended = host.table.ask(Migrate(party, "nas"), block=False)
    with pytest.raises(MoveError, match="waits is stopped and does not run here"):
        ended.get(timeout=60)


def test_output_from_a_position_on_and_from_the_end(host: Host) -> None:
    host.script("def main(ctx): print('0123456789')", name="prints")
    assert host.result("prints")["state"] == "done"
    party = host.folder("prints").name
    assert host.table.ask(ReadOutput(party, 3, 4)).data == b"3456"
    last = host.table.ask(ReadOutput(party, -4))
    assert (last.data, last.next, last.lost, last.ended) == (b"789\n", 11, 0, False)
    assert host.table.ask(ReadOutput(party, 11, wait=True)).ended


def test_one_that_never_was(host: Host) -> None:
    for question in (Look("no#1"), Await("no#1"), StopIt("no#1"), ReadOutput("no#1")):
        with pytest.raises(UnknownComputationError, match="no#1 is not here, and never was"):
            host.table.ask(question)
    host.table.tell(Carry("nas", m.Activate("no#1", 1)))
    host.table.tell(Carry("nas", m.Installed("no#1", 1)))
    assert host.script("def main(ctx): return 1").result(60) == 1
    assert not list((host.settings.paths.state / "desk/computations").glob("no#*"))
