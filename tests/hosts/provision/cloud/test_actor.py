"""Renting by an actor, as a master does it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from simulacra.actors.runtime import ActorDeadError, ActorSystem
from simulacra.actors.runtime.childspec import Flags
from simulacra.actors.runtime.supervisor import Supervisor
from simulacra.hosts.inventory.schema import Inventory
from simulacra.hosts.provision.cloud.actor import (
    PROVISIONER,
    LetGo,
    ListMachines,
    Provisioner,
    ProvisionError,
    Reap,
    Rent,
    provisioner_spec,
)
from simulacra.hosts.provision.cloud.records import Records
from simulacra.hosts.provision.cloud.renting import Renting
from tests.support import no_thread

INVENTORY = Inventory.model_validate({
    "network": {"name": "home"},
    "zones": {"cloud": {}},
    "clouds": {"small": {"driver": "dummy", "image": "i", "size": "s"}},
    "hosts": {},
})  # fmt: skip


def test_it_rents_lists_reaps_and_lets_go(system: ActorSystem, tmp_path: Path) -> None:
    renting = Renting(INVENTORY, Records(tmp_path / "rented.json"))
    spec = provisioner_spec(lambda: renting)
    system.spawn(Supervisor, Flags(), [spec], name="root")
    provisioner = system.ref(PROVISIONER)
    assert provisioner.ask(ListMachines()) == []
    made = provisioner.ask(Rent("worker1", "sim1@desk", "small"))
    assert (made["host"], made["is_new"], made["state"]) == ("worker1", True, "running")
    assert provisioner.ask(Rent("worker1", "sim1@desk", "small"))["is_new"] is False
    [found] = provisioner.ask(ListMachines())
    assert found["id"] == made["id"]
    assert provisioner.ask(Reap([], grace=-1.0)) == []
    [gone] = provisioner.ask(LetGo("worker1"))
    assert gone["id"] == made["id"]
    with pytest.raises(ProvisionError, match=r"no cloud has .*: see: simulacra cloud list"):
        provisioner.ask(LetGo("worker1"))
    with pytest.raises(ProvisionError, match="there is no template huge"):
        provisioner.ask(Rent("worker2", "sim1@desk", "huge"))


def test_orders_for_which_no_thread_is_left_are_refused_and_later_ones_carried_out(
    system: ActorSystem, tmp_path: Path
) -> None:
    renting = Renting(INVENTORY, Records(tmp_path / "rented.json"))
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Renting:
        begun.set()
        assert go_on.wait(60)
        return renting

    provisioner = system.spawn(Provisioner, slow)
    first = provisioner.ask(ListMachines(), block=False)
    assert begun.wait(60)
    waiting = [provisioner.ask(ListMachines(), block=False) for _ in range(2)]
    with no_thread("provisioner"):
        go_on.set()
        assert first.get(timeout=60) == []
        for each in waiting:
            with pytest.raises(ProvisionError, match="can't start new thread; try again later"):
                each.get(timeout=60)
    assert provisioner.ask(ListMachines(), timeout=60) == []


def test_what_waits_when_it_stops_is_refused(system: ActorSystem) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Renting:
        begun.set()
        go_on.wait(60)
        raise OSError("hush")

    provisioner = system.spawn(Provisioner, slow)
    first = provisioner.ask(ListMachines(), block=False)
    assert begun.wait(60)
    second = provisioner.ask(ListMachines(), block=False)
    provisioner.stop()
    for each in (first, second):
        with pytest.raises(ActorDeadError):
            each.get(timeout=60)
    go_on.set()


def test_orders_are_carried_out_one_after_another_and_not_too_many_wait(
    system: ActorSystem, tmp_path: Path
) -> None:
    renting, go_on = Renting(INVENTORY, Records(tmp_path / "rented.json")), threading.Event()
    at_once: list[bool] = []
    working = threading.Semaphore(1)

    def alone() -> Renting:
        at_once.append(not working.acquire(blocking=False))
        go_on.wait(60)
        working.release()
        return renting

    provisioner = system.spawn(Provisioner, alone)
    asked = [provisioner.ask(ListMachines(), block=False) for _ in range(66)]
    with pytest.raises(ProvisionError, match="64 orders wait already"):
        asked[-1].get(timeout=60)
    go_on.set()
    assert [each.get(timeout=60) for each in asked[:-1]] == [[]] * 65
    assert at_once == [False] * 65


def test_what_fails_unforeseen_is_in_the_log_and_not_in_the_answer(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Renting:
        raise OSError("hush")

    provisioner = system.spawn(Provisioner, broken)
    for _ in range(2):
        with pytest.raises(ProvisionError, match=r"^OSError, see the log there$"):
            provisioner.ask(ListMachines())
    assert "hush" in caplog.text


def test_an_invitation_is_not_shown() -> None:
    assert "sim1" not in repr(Rent("worker1", "sim1secret@desk"))
