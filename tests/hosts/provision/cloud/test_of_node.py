"""Renting by a node, as it is ordered on another host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulacra.hosts.inventory.reading import read
from simulacra.hosts.provision.cloud.actor import (
    PROVISIONER,
    LetGo,
    ListMachines,
    ProvisionError,
    Reap,
    Rent,
)
from simulacra.hosts.provision.cloud.errors import CloudError
from simulacra.hosts.provision.cloud.of_node import Current
from simulacra.hosts.provision.cloud.records import Records
from simulacra.hosts.provision.cloud.renting import Renting
from tests.hosts.provision.cloud.test_ec2 import IMAGE, JOIN, KEYS
from tests.onehost import one_host, until
from tests.twohosts import two_hosts

INVENTORY = """
[network]
name = "home"

[zones.cloud]

[clouds.small]
driver = "{driver}"
image = "{image}"
size = "t3.micro"
region = "eu-central-1"
endpoint = "{endpoint}"

[hosts.worker1]
zone = "cloud"
cloud = "small"
"""


@pytest.fixture
def inventory(tmp_path: Path, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "inventory.toml"
    file.write_text(INVENTORY.format(driver="ec2", image=IMAGE, endpoint=endpoint))
    return file


def test_another_host_has_a_node_rent_and_let_go(tmp_path: Path, inventory: Path) -> None:
    with two_hosts(tmp_path, inventory=str(inventory)) as (desk, nas):
        provisioner = desk.node.system.ref(f"{PROVISIONER}@nas")
        made = provisioner.ask(Rent("worker1", JOIN), timeout=60)
        assert (made["host"], made["is_new"]) == ("worker1", True)
        # The commands there know of it.
        rented = nas.settings.paths.state / "rented.json"
        assert json.loads(rented.read_text())["worker1"]["id"] == made["id"]
        assert provisioner.ask(Rent("worker1", JOIN), timeout=60)["is_new"] is False
        listed = provisioner.ask(ListMachines(), timeout=60)
        assert made["id"] in {each["id"] for each in listed}
        [gone] = provisioner.ask(LetGo("worker1"), timeout=60)
        assert gone["id"] == made["id"]
        with pytest.raises(ProvisionError, match="no cloud has a machine that is worker1"):
            provisioner.ask(LetGo("worker1"), timeout=60)


def test_members_of_the_network_are_no_orphans(tmp_path: Path, inventory: Path) -> None:
    elsewhere = Renting(read(inventory.read_text()), Records(tmp_path / "elsewhere.json"))
    for host in ("desk", "nas", "stray"):
        elsewhere.create(host, lambda: JOIN, "small")
    with two_hosts(tmp_path, inventory=str(inventory)) as (desk, _):
        provisioner = desk.node.system.ref(f"{PROVISIONER}@nas")
        reaped = provisioner.ask(Reap([], grace=-1.0), timeout=60)
        assert [each["host"] for each in reaped] == ["stray"]


def test_it_is_started_again_and_not_without_the_setting(tmp_path: Path, inventory: Path) -> None:
    with one_host(tmp_path / "a") as host:
        assert host.node.system.whereis(PROVISIONER) is None
    with one_host(tmp_path / "b", inventory=str(inventory)) as host:
        first = until(lambda: host.node.system.whereis(PROVISIONER))
        assert first is not None
        first.kill()
        again = until(lambda: host.node.system.whereis(PROVISIONER) not in {None, first})
        assert again
        assert host.node.system.ref(PROVISIONER).ask(ListMachines(), timeout=60) is not None


def test_the_inventory_is_read_at_each_order(tmp_path: Path) -> None:
    file = tmp_path / "inventory.toml"
    renting = Current(file, Records(tmp_path / "rented.json"), lambda: "home")
    with pytest.raises(CloudError, match="No such file"):
        renting()
    text = INVENTORY.format(driver="dummy", image="i", endpoint="")
    file.write_text(text)
    before = renting()
    assert renting() is before
    assert before.create("worker1", lambda: JOIN).is_new
    file.write_text(text.replace('zone = "cloud"', 'zone = "clod"'))
    with pytest.raises(CloudError, match=r"no zone 'clod'.*") as refused:
        renting()
    assert "hosts check --inventory" in refused.value.hint
    file.write_text(text.replace('"home"', '"office"'))
    with pytest.raises(CloudError, match="of the network office, and this host is in home"):
        renting()
    file.write_text(text.replace("worker1", "worker2"))
    assert renting() is not before
