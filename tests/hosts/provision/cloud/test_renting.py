"""Renting from a cloud that knows orders by their tokens and is late to list: one in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from simulacra.hosts.inventory.schema import Inventory
from simulacra.hosts.provision.cloud import renting as under_test
from simulacra.hosts.provision.cloud.errors import CloudError, TakenError
from simulacra.hosts.provision.cloud.machines import LAG, Machine, Order, State
from simulacra.hosts.provision.cloud.records import Records
from simulacra.hosts.provision.cloud.renting import Renting

INVENTORY = Inventory.model_validate({
    "network": {"name": "home"},
    "zones": {"cloud": {}},
    "clouds": {"small": {"driver": "dummy", "image": "i", "size": "s"}},
    "hosts": {"worker1": {"zone": "cloud", "cloud": "small"}, "nas": {"zone": "cloud"}},
})  # fmt: skip


class LateCloud:
    """Lists what it has made only when it was asked a few times more, and knows tokens."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.late = 2

    def machines(self, network: str) -> Sequence[Machine]:
        self.late -= 1
        found = [] if self.late > 0 else list(self.orders.values())
        return [
            Machine(each.token, "small", each.host, State.RUNNING, (), each.since)
            for each in found
            if each.network == network
        ]

    def create(self, order: Order) -> Machine:
        if order.token in self.orders:
            raise TakenError("it is there already")
        self.orders[order.token] = order
        self.late = 3
        return Machine(order.token, "small", order.host, State.STARTING, (), order.since)

    def destroy(self, machine: Machine) -> None:
        self.orders.pop(machine.id)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> LateCloud:
    monkeypatch.setattr(under_test, "_LOOK_AGAIN", 0.01)
    return LateCloud()


def renting(cloud: LateCloud, folder: Path, now: float = 1000.0) -> Renting:
    records = Records(folder / "rented.json")
    return Renting(INVENTORY, records, lambda name, template: cloud, lambda: now)


def test_an_order_that_was_taken_is_waited_for(cloud: LateCloud, tmp_path: Path) -> None:
    first = renting(cloud, tmp_path).create("worker1", lambda: "one@h").machine
    again = renting(cloud, tmp_path, now=1000.0 + LAG / 2).create("worker1", lambda: "two@h")
    assert again.machine.id == first.id
    assert len(cloud.orders) == 1


def test_what_was_destroyed_by_others_is_made_anew_after_a_while(
    cloud: LateCloud, tmp_path: Path
) -> None:
    first = renting(cloud, tmp_path).create("worker1", lambda: "one@h").machine
    cloud.orders.clear()
    later = renting(cloud, tmp_path, now=1000.0 + LAG + 1)
    assert later.create("worker1", lambda: "two@h").machine.id != first.id
    assert len(cloud.orders) == 1


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("Worker", "'Worker' is no name for a host"),
        ("a b", "'a b' is no name for a host"),
        ("nas", "nas has no template: the inventory has it as a machine that is not rented"),
    ],
)
def test_what_would_never_join_or_is_no_rented_machine_is_not_ordered(
    cloud: LateCloud, tmp_path: Path, host: str, said: str
) -> None:
    with pytest.raises(CloudError, match=said):
        renting(cloud, tmp_path).create(host, lambda: "one@h", "small")
    assert cloud.orders == {}
