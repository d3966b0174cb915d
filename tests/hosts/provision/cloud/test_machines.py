"""Which machine is a host, and which are orphans."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulacra.hosts.inventory.schema import Cloud
from simulacra.hosts.provision.cloud.machines import (
    GRACE,
    LAG,
    Machine,
    Order,
    Record,
    State,
    accounts,
    is_lost,
    machine_of,
    orphans,
    the_one,
)

NOW = 1_000_000.0
HOSTS = ("a", "b", "c")
machines = st.lists(
    st.builds(
        Machine,
        id=st.uuids().map(str),
        cloud=st.just("small"),
        host=st.sampled_from(HOSTS),
        state=st.sampled_from(State),
        since=st.none() | st.floats(NOW - 3 * GRACE, NOW),
    ),
    max_size=12,
    unique_by=lambda each: each.id,
)


def template(driver: str = "ec2", **more: str) -> Cloud:
    return Cloud.model_validate({"driver": driver, "image": "i", "size": "s", **more})


@given(machines, st.sets(st.sampled_from(HOSTS)))
def test_no_orphan_is_a_host_and_no_host_is_two_machines(
    found: list[Machine], known: set[str]
) -> None:
    lost = orphans(found, known, NOW)
    assert all(each.lives and each.since is not None for each in lost)
    assert all(NOW - (each.since or 0) > GRACE for each in lost)
    for host in known:
        one = the_one(host, found)
        assert one not in lost
        old = [e for e in found if e.host == host and e.lives and e.since and NOW - e.since > GRACE]
        assert {each.id for each in old} - {one.id if one else ""} == {
            each.id for each in lost if each.host == host
        }
    unknown = {each.host for each in found} - known
    assert all(
        each in lost
        for each in found
        if each.host in unknown and each.lives and each.since and NOW - each.since > GRACE
    )
    assert [each.since for each in lost] == sorted(each.since or 0 for each in lost)


def test_marks_tell_whose_a_machine_is() -> None:
    order = Order("desk", "home", template(), "secret", "token", 1234.5)
    assert "secret" not in repr(order)
    found = machine_of(
        order.tags, "home", id="i-1", cloud="small", state=State.RUNNING, addresses=["192.0.2.1"]
    )
    assert found == Machine("i-1", "small", "desk", State.RUNNING, ("192.0.2.1",), 1234.0)
    for tags in (
        {**order.tags, "simulacra-network": "office"},
        {"simulacra-network": "home"},
        {},
    ):
        assert (
            machine_of(tags, "home", id="1", cloud="x", state=State.RUNNING, addresses=()) is None
        )
    odd = {**order.tags, "simulacra-since": "yesterday"}
    machine = machine_of(odd, "home", id="1", cloud="x", state=State.RUNNING, addresses=())
    assert machine is not None
    assert machine.since is None
    assert orphans([machine], [], NOW) == []


def test_templates_of_one_account_are_asked_once() -> None:
    clouds = {
        "small": template(),
        "large": template(size="l"),
        "east": template(region="us-east-2"),
        "one": template("opennebula", endpoint="https://one.example/RPC2"),
    }
    assert set(accounts(clouds)) == {"large", "east", "one"}


def test_a_machine_that_is_listed_no_more_may_be_made_anew() -> None:
    assert not is_lost(Record("small", "t", NOW - 10 * LAG), NOW)
    assert not is_lost(Record("small", "t", NOW - LAG / 2, "i-1"), NOW)
    assert is_lost(Record("small", "t", NOW - LAG - 1, "i-1"), NOW)
