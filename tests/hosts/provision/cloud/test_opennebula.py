"""Renting from OpenNebula."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulacra.hosts.inventory.schema import Inventory
from simulacra.hosts.provision.cloud.errors import CloudError
from simulacra.hosts.provision.cloud.machines import State
from simulacra.hosts.provision.cloud.records import Records
from simulacra.hosts.provision.cloud.renting import Renting
from tests.hosts.provision.cloud.nebula import DONE, RUNNING, OpenNebula, served

JOIN = "sim1abc@192.0.2.7:7401"


@pytest.fixture
def one() -> Iterator[tuple[OpenNebula, str]]:
    with served() as found:
        yield found


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE_USERNAME", "me")
    monkeypatch.setenv("ONE_PASSWORD", "hush")


def renting(at: str, folder: Path, **changes: str) -> Renting:
    cloud = {"driver": "opennebula", "image": "7", "size": "2x4096", "endpoint": at}
    inventory = Inventory.model_validate({
        "network": {"name": "home"},
        "zones": {"cloud": {}},
        "clouds": {"one": cloud | changes},
        "hosts": {"worker1": {"zone": "cloud", "cloud": "one"}},
    })  # fmt: skip
    return Renting(inventory, Records(folder / "rented.json"))


def test_a_host_is_rented_once_found_again_and_let_go(
    one: tuple[OpenNebula, str], tmp_path: Path
) -> None:
    nebula, endpoint = one
    rents = renting(endpoint, tmp_path)
    first = rents.create("worker1", lambda: JOIN)
    assert (first.is_new, first.machine.id) == (True, "1")
    [found] = rents.machines()
    assert (found.host, found.state, found.addresses) == ("worker1", State.STARTING, ("192.0.2.1",))
    nebula.vms[1][2] = RUNNING
    again = rents.create("worker1", lambda: JOIN)
    assert (again.is_new, again.machine.state) == (False, State.RUNNING)
    [gone] = rents.destroy("worker1")
    assert gone.id == "1"
    assert rents.machines() == []


def test_size_marks_and_first_orders_go_beside_the_template(
    one: tuple[OpenNebula, str], tmp_path: Path
) -> None:
    nebula, endpoint = one
    renting(endpoint, tmp_path, image="debian").create("worker1", lambda: JOIN)
    name, _, _, extra = nebula.vms[1]
    assert name == "home-worker1"
    lines = extra.splitlines()
    assert {'CPU="2"', 'MEMORY="4096"', 'SIMULACRA_NETWORK="home"'} <= set(lines)
    [data] = re.findall(r'USER_DATA="([^"]*)"', extra)
    assert JOIN in base64.b64decode(data).decode()


def test_a_machine_that_is_gone_already_is_let_go(
    one: tuple[OpenNebula, str], tmp_path: Path
) -> None:
    nebula, endpoint = one
    rents = renting(endpoint, tmp_path)
    machine = rents.create("worker1", lambda: JOIN).machine
    nebula.vms[1][1] = DONE
    rents._driver("one").destroy(machine)
    assert rents.destroy("worker1") == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"size": "large"}, "is none of OpenNebula's"),
        ({"image": "twice"}, "has 2 templates called twice"),
        ({"image": "none"}, "has no templates called none"),
        ({"image": "8"}, "Error getting template"),
        ({"endpoint": ""}, "does not say where OpenNebula answers"),
        ({"endpoint": "http://127.0.0.1:9/RPC2"}, "does not list its machines"),
    ],
)
def test_what_cannot_be_is_told(
    one: tuple[OpenNebula, str], tmp_path: Path, changes: dict[str, str], says: str
) -> None:
    with pytest.raises(CloudError, match=says):
        renting(one[1], tmp_path, **changes).create("worker1", lambda: JOIN)
    assert one[0].vms == {}


def test_wrong_credentials_are_told_and_not_shown(
    one: tuple[OpenNebula, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONE_PASSWORD", "wrong-one")
    with pytest.raises(CloudError, match="couldn't be authenticated") as caught:
        renting(one[1], tmp_path).machines()
    assert "wrong-one" not in f"{caught.value} {caught.value.hint}"
