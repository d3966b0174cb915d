"""A plan as text: the same each time, read back whole, and refused where anything is off."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from simulacra.overlay.plan.document import FORMAT, Opening, OpenVpnServer
from simulacra.overlay.plan.text import PlanTextError, from_text, to_text
from tests.overlay.plans import made

ADDRESSES = {"a": "10.77.0.1", "b": "10.77.0.2", "c": "10.77.0.3"}


def test_a_plan_is_read_back_as_it_was() -> None:
    plan = made(ADDRESSES, relays=["c"], nat=["a"])
    server = OpenVpnServer(
        443, "10.9.0.0/24", "10.9.0.1", {"a": ("AB:CD", "10.9.0.2")}, {"b": 1195}
    )
    opening = Opening("tcp", 22, 22, (), "ssh")
    relay = replace(plan.hosts["c"], openvpn=server, inside=(opening,))
    plan = replace(plan, hosts={**plan.hosts, "c": relay})
    assert from_text(to_text(plan)) == plan


def test_the_order_in_which_a_plan_is_made_does_not_show() -> None:
    plan = made(ADDRESSES)
    turned = replace(plan, hosts=dict(reversed(plan.hosts.items())))
    assert to_text(turned) == to_text(plan)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["format"], FORMAT + 2, f"format {FORMAT + 2}, this Simulacra reads"),
        (["format"], FORMAT - 2, f"format {FORMAT - 2}, this Simulacra reads"),
        (["format"], True, "format True"),
        (["mtu"], "1420", "plan.mtu is '1420'"),
        (["hosts", "a", "peers", 0, "keepalive"], True, r"hosts.a.peers\[0\].keepalive is True"),
        (["hosts", "a", "names"], "a", "hosts.a.names is 'a'"),
        (["hosts", "a", "colour"], "red", "plan.hosts.a has 'colour'"),
        (["hosts", "a"], None, "plan.hosts.a is None"),
    ],
)
def test_what_is_off_is_refused_with_its_path(
    path: list[str | int], value: object, said: str
) -> None:
    data = json.loads(to_text(made(ADDRESSES)))
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(PlanTextError, match=said):
        from_text(json.dumps(data))


def test_a_plan_of_a_format_one_apart_is_read() -> None:
    plan = made(ADDRESSES, relays=["c"])
    newer = json.loads(to_text(plan)) | {"format": FORMAT + 1, "colour": "red"}
    newer["hosts"]["a"]["shade"] = {"of": "red"}
    newer["hosts"]["a"]["relays"][0]["hue"] = 7
    assert from_text(json.dumps(newer)) == replace(plan, format=FORMAT + 1)
    older = json.loads(to_text(plan)) | {"format": FORMAT - 1}
    for part in older["hosts"].values():
        del part["given"]
    assert from_text(json.dumps(older)) == replace(plan, format=FORMAT - 1)
    # What it knows is to be right all the same.
    newer["hosts"]["a"]["port"] = "51820"
    with pytest.raises(PlanTextError, match=r"hosts\.a\.port is '51820'"):
        from_text(json.dumps(newer))


def test_what_is_missing_is_refused() -> None:
    data = json.loads(to_text(made(ADDRESSES)))
    del data["hosts"]["b"]["ipv4"]
    with pytest.raises(PlanTextError, match=r"plan.hosts.b lacks 'ipv4'"):
        from_text(json.dumps(data))
    with pytest.raises(PlanTextError, match="no JSON"):
        from_text("plan")
