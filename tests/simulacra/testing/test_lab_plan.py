from __future__ import annotations

import pytest

from simulacra.testing.lab.plan import LabError, Plan, names, parse_zones, passwd


def test_hosts_get_letters_or_numbers() -> None:
    assert names(3) == ["a", "b", "c"]
    assert names(27)[::26] == ["h1", "h27"]
    for wrong in (0, 201):
        with pytest.raises(LabError, match="1 to 200 hosts"):
            names(wrong)


@pytest.mark.parametrize("name", ["", "Desk", "a b", "-a", "a" * 21, "a/b", "../a", "a\n"])
def test_what_is_no_hosts_name(name: str) -> None:
    with pytest.raises(LabError, match="no host's name"):
        Plan((("a", name),))


@pytest.mark.parametrize("zones", [(), ((),), (("a",), ()), (tuple(f"h{n}" for n in range(201)),)])
def test_a_lab_has_hosts_in_every_zone(zones: tuple[tuple[str, ...], ...]) -> None:
    with pytest.raises(LabError, match="1 to 200 hosts"):
        Plan(zones)


def test_a_name_comes_once() -> None:
    with pytest.raises(LabError, match="host a comes twice"):
        Plan((("a", "b"), ("a",)))


def test_one_zone_is_one_bridge_and_more_are_joined_by_trunks() -> None:
    assert list(Plan((("a", "b"),)).bridges()) == [
        "link add zone0 type bridge",
        "link set zone0 up",
    ]
    lines = list(Plan(parse_zones("a,b/c")).bridges())
    assert "link add trunk1 type veth peer name up1" in lines
    assert "link set up1 master backbone up" in lines


def test_a_host_is_cabled_to_its_zone_and_knows_the_others() -> None:
    plan = Plan(parse_zones("a,b/c"))
    assert list(plan.cable("c", 77)) == [
        "link add port3 type veth peer name eth0 address 02:77:00:00:00:03 netns 77",
        "link set port3 master zone1 up",
    ]
    known = "neighbour add 10.77.0.1 lladdr 02:77:00:00:00:01 dev eth0 nud permanent"
    assert known in list(plan.interface("c"))
    assert "10.77.0.3 c\n" in plan.hosts_file()


def test_only_roots_home_is_moved() -> None:
    text = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\n"
    assert passwd(text) == text.replace(":/root:", ":/run/root:")
