"""Renting from EC2, as moto speaks it over real HTTP."""

from __future__ import annotations

import base64
from itertools import count
from pathlib import Path

import boto3
import pytest

from simulacra.hosts.inventory.schema import Inventory
from simulacra.hosts.provision.cloud.drivers import open_driver
from simulacra.hosts.provision.cloud.errors import CloudError
from simulacra.hosts.provision.cloud.machines import GRACE, Machine, Order, Record, State
from simulacra.hosts.provision.cloud.records import Records
from simulacra.hosts.provision.cloud.renting import Renting
from tests.killing import Point, killed, needs_strace

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAFORTESTS", "AWS_SECRET_ACCESS_KEY": "hush"}
IMAGE = "ami-03cf127a"
NUMBERS = count()
JOIN = "sim1abc@192.0.2.7:7401"
PROGRAM = """
import sys, pathlib
from simulacra.hosts.inventory.schema import Inventory
from simulacra.hosts.provision.cloud.records import Records
from simulacra.hosts.provision.cloud.renting import Renting
inventory = Inventory.model_validate_json(pathlib.Path(sys.argv[1]).read_text())
renting = Renting(inventory, Records(pathlib.Path(sys.argv[2])))
print(renting.create("worker1", lambda: "sim1abc@192.0.2.7").machine.id)
"""


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def inventory(endpoint: str) -> Inventory:
    """Each test has a network of its own."""
    name = f"home{next(NUMBERS)}"
    cloud = {
        "driver": "ec2", "image": IMAGE, "size": "t3.micro", "region": "eu-central-1",
        "endpoint": endpoint,
    }  # fmt: skip
    return Inventory.model_validate({
        "network": {"name": name},
        "zones": {"cloud": {}},
        "clouds": {"small": cloud, "large": {**cloud, "size": "t3.large"}},
        "hosts": {"worker1": {"zone": "cloud", "cloud": "small"}, "desk": {"zone": "cloud"}},
    })  # fmt: skip


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "state" / "rented.json")


def no_join() -> str:
    raise AssertionError("nothing is to be made")


def test_a_host_is_rented_once_found_again_and_let_go(
    inventory: Inventory, records: Records
) -> None:
    renting = Renting(inventory, records)
    assert renting.machines() == []
    first = renting.create("worker1", lambda: JOIN)
    assert first.is_new
    again = renting.create("worker1", no_join)
    assert (again.is_new, again.machine.id) == (False, first.machine.id)
    assert again.machine.state is State.RUNNING
    assert again.machine.addresses
    assert [each.id for each in renting.machines()] == [first.machine.id]
    assert records.all()["worker1"].id == first.machine.id
    [gone] = renting.destroy("worker1")
    assert gone.id == first.machine.id
    assert renting.machines() == []
    assert records.all() == {}
    with pytest.raises(CloudError, match="no cloud has a machine") as caught:
        renting.destroy("worker1")
    assert caught.value.missing


def test_a_machine_has_what_the_template_says_and_its_first_orders(
    inventory: Inventory, records: Records, endpoint: str
) -> None:
    machine = Renting(inventory, records).create("worker2", lambda: JOIN, "large").machine
    ec2 = boto3.client(
        "ec2", endpoint_url=endpoint, region_name="eu-central-1",
        aws_access_key_id="AKIAFORTESTS", aws_secret_access_key="hush",
    )  # fmt: skip
    [found] = ec2.describe_instances(InstanceIds=[machine.id])["Reservations"][0]["Instances"]
    assert (found["InstanceType"], found["ImageId"]) == ("t3.large", IMAGE)
    tags = {each["Key"]: each["Value"] for each in found["Tags"]}
    assert tags["simulacra-host"] == "worker2"
    data = ec2.describe_instance_attribute(InstanceId=machine.id, Attribute="userData")
    text = base64.b64decode(data["UserData"]["Value"]).decode()
    assert text.startswith("#cloud-config\n")
    assert JOIN in text


def test_machines_of_other_networks_are_left_alone(
    inventory: Inventory, records: Records, tmp_path: Path
) -> None:
    renamed = inventory.network.model_copy(update={"name": "office"})
    other = Renting(
        inventory.model_copy(update={"network": renamed}), Records(tmp_path / "other.json")
    )
    theirs = other.create("worker1", lambda: JOIN).machine
    renting = Renting(inventory, records)
    assert renting.machines() == []
    mine = renting.create("worker1", lambda: JOIN).machine
    assert mine.id != theirs.id
    renting.destroy("worker1")
    assert [each.id for each in other.machines()] == [theirs.id]
    other.destroy("worker1")


def test_orphans_are_reaped_and_nobody_else(inventory: Inventory, records: Records) -> None:
    begun = 1_800_000_000.0
    then, later = (lambda: begun), (lambda: begun + GRACE + 2)
    renting = Renting(inventory, records, now=then)
    kept = renting.create("worker1", lambda: JOIN).machine
    rented = renting.create("spare", lambda: JOIN, "small").machine
    strangers = [_unwritten(inventory, host, begun) for host in ("lost", "joined", "worker1")]
    assert Renting(inventory, records, now=then).orphans() == []
    found = Renting(inventory, records, now=later).reap(known=["joined"])
    assert {each.id for each in found} == {strangers[0].id, strangers[2].id}
    left = {each.id for each in renting.machines()}
    assert left == {kept.id, rented.id, strangers[1].id}
    assert Renting(inventory, records, now=later).reap(known=["joined"]) == []


def _unwritten(inventory: Inventory, host: str, since: float) -> Machine:
    """A machine of the network's that nobody has written down."""
    template = inventory.clouds["small"]
    order = Order(host, inventory.network.name, template, "#cloud-config\n", host, since + 1)
    return open_driver("small", template).create(order)


@needs_strace
@pytest.mark.parametrize(("when", "made"), [(1, 0), (2, 1)], ids=["before", "after"])
def test_who_is_killed_around_the_order_makes_one_machine_in_the_end(
    inventory: Inventory, records: Records, tmp_path: Path, when: int, made: int
) -> None:
    told = tmp_path / "inventory.json"
    told.write_text(inventory.model_dump_json())
    file = tmp_path / "state" / "rented.json"
    # The record is renamed into place before the order, and again after it.
    assert killed(Point("rename", when), PROGRAM, str(told), str(file)) == ""
    renting = Renting(inventory, records)
    assert len(renting.machines()) == made
    rented = renting.create("worker1", lambda: JOIN)
    assert rented.is_new is not bool(made)
    assert [each.id for each in renting.machines()] == [rented.machine.id]
    assert records.all()["worker1"].id == rented.machine.id


def test_what_the_cloud_refuses_is_told_without_secrets(
    inventory: Inventory, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = inventory.clouds["small"].model_copy(update={"endpoint": "http://127.0.0.1:9"})
    broken = inventory.model_copy(update={"clouds": {"small": nowhere}})
    with pytest.raises(CloudError) as caught:
        Renting(broken, records).create("worker1", lambda: JOIN)
    assert "EC2 does not list its machines" in str(caught.value)
    assert "hush" not in str(caught.value)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CloudError, match="does not say AWS_SECRET_ACCESS_KEY"):
        Renting(inventory, records).machines()


@pytest.mark.parametrize(
    ("host", "template", "says"),
    [("desk", None, "desk has no template"), ("worker1", "huge", "there is no template huge")],
)
def test_a_host_without_a_template_is_not_rented(
    inventory: Inventory, records: Records, host: str, template: str | None, says: str
) -> None:
    with pytest.raises(CloudError, match=says):
        Renting(inventory, records).create(host, no_join, template)


def test_a_record_that_is_damaged_is_named(inventory: Inventory, tmp_path: Path) -> None:
    file = tmp_path / "rented.json"
    for content in ("{", "[]", '{"worker1": {"cloud": "small"}}', '{"worker1": 3}'):
        file.write_text(content)
        with pytest.raises(CloudError, match=str(file)):
            Renting(inventory, Records(file)).orphans()


def test_a_record_is_private(records: Records, tmp_path: Path) -> None:
    records.put("worker1", Record("small", "token", 1.0))
    assert (tmp_path / "state" / "rented.json").stat().st_mode & 0o777 == 0o600
