from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.needs import (
    Capabilities,
    Need,
    NeedsError,
    parse_needs,
    ports_of,
    unmet,
    unmet_by_network,
)

GIB = 2**30
NAS = Capabilities("nas", 4, 8 * GIB, "x86_64", "home", frozenset({"kvm", "disk"}), frozenset({80}))


@pytest.mark.parametrize(
    "text",
    [
        "kvm",
        "!metered",
        "cores>=4",
        "cores > 3",
        "cores<=4",
        "cores<5",
        "cores=4",
        "cores!=5",
        "memory>=8G",
        "memory < 8.5 GiB",
        "zone=home",
        "zone!=cloud",
        "arch=x86_64",
        "host=nas",
        "port:8080",
        "hosts>=99",  # not the host's to meet
        "kvm, disk,cores>=2",
        "",
    ],
)
def test_needs_that_a_host_meets(text: str) -> None:
    assert unmet(parse_needs(text), NAS) == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gpu", "it has no gpu"),
        ("!disk", "it is disk"),
        ("cores>=8", "it has 4 cores, and at least 8 are needed"),
        ("cores<4", "it has 4 cores, and less than 4 are needed"),
        ("memory>16G", "it has 8.0G of memory, and more than 16G is needed"),
        ("zone=cloud", "its zone is home, and exactly cloud is needed"),
        ("host!=nas", "its host is nas, and anything but nas is needed"),
        ("port:80", "its port 80 is taken"),
    ],
)
def test_needs_that_a_host_does_not_meet_say_why(text: str, reason: str) -> None:
    assert unmet(parse_needs(text), NAS) == (reason,)


def test_all_that_is_lacking_is_told() -> None:
    lacking = unmet(parse_needs("gpu,kvm,cores>=8"), NAS)
    assert lacking == ("it has no gpu", "it has 4 cores, and at least 8 are needed")
    assert unmet(parse_needs("zone=home"), Capabilities("new")) == (
        "its zone is not known, and exactly home is needed",
    )


def test_the_network_meets_some() -> None:
    needs = parse_needs(["kvm", "hosts>=3"])
    assert unmet_by_network(needs, 3) == ()
    assert unmet_by_network(needs, 2) == ("2 hosts are up, and at least 3 are needed",)
    assert unmet_by_network(needs, 1) == ("1 host is up, and at least 3 are needed",)


def test_needs_are_read_once_each_and_kept_as_written() -> None:
    needs = parse_needs(["kvm, memory >= 8G", "kvm", "port:1"])
    assert [need.text for need in needs] == ["kvm", "memory >= 8G", "port:1"]
    assert needs[1] == Need("memory >= 8G", "size", "memory", ">=", 8 * GIB)
    assert ports_of(needs) == {1}


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("kvm,,gpu", 5, "a name is missing"),
        ("kvm,", 5, "a name is missing"),
        (">=8G", 1, "a name is missing"),
        ("memoryy>=8G", 1, "did you mean memory"),
        ("kvm, memoryy>=8G", 6, "did you mean memory"),
        ("colour=red", 1, "known are cores, memory"),
        ("memory>=much", 9, "no size"),
        ("cores>=2.5", 8, "no whole number"),
        ("cores>=-1", 8, "no whole number"),
        ("cores>=", 8, "a value is missing"),
        ("cores==4", 6, "one ="),
        ("cores", 1, "cores>=4"),
        ("memory", 1, "memory>=8G"),
        ("port", 1, "port:8080"),
        ("zone", 1, "zone=home"),
        ("zone>home", 5, "by = or !="),
        ("zone=my home", 6, "is no name"),
        ("!cores=4", 1, "cores!=4"),
        ("port:0", 6, "from 1 to 65535"),
        ("port:70000", 6, "from 1 to 65535"),
        ("port:http", 6, "from 1 to 65535"),
        ("!port:80", 1, "from 1 to 65535"),
        ("gpu:1", 1, "only a port"),
        ("kvm gpu", 5, "a comma"),
        ("kv\u0000m", 1, "is no name"),
        ("k" * 300, 1, "is no name"),
        ("kvm\ngpu\n", 5, "a comma"),
        ("cores>=\n\n4\n4", 1, "one line"),
    ],
)
def test_errors_name_the_place(text: str, place: int, message: str) -> None:
    with pytest.raises(NeedsError) as caught:
        parse_needs(text)
    assert caught.value.place == place
    assert message in str(caught.value)


def test_more_needs_than_anything_has_are_refused() -> None:
    with pytest.raises(NeedsError, match="more than 32"):
        parse_needs(f"label-{number}" for number in range(33))


@given(st.text(max_size=60) | st.text("cores>=<!:,memory port8G \n", max_size=60))
def test_anything_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    place = 1
    try:
        needs = parse_needs(text)
    except NeedsError as error:
        needs, place = (), error.place
    assert 1 <= place <= len(text) + 1
    assert parse_needs([need.text for need in needs]) == needs
    unmet(needs, NAS)


numbers = st.integers(0, 10**9 - 1)


@given(numbers, numbers)
def test_signs_mean_what_they_say(has: int, wants: int) -> None:
    host = Capabilities("a", cores=has)

    def meets(sign: str) -> bool:
        return not unmet(parse_needs(f"cores{sign}{wants}"), host)

    assert meets(">=") == (has >= wants)
    assert meets("<=") == (has <= wants)
    assert meets(">") != meets("<=")
    assert meets("<") != meets(">=")
    assert meets("=") != meets("!=")


def test_what_a_host_tells_of_itself() -> None:
    told: dict[str, Any] = {
        "cores": 4,
        "memory": 8 * GIB,
        "arch": "x86_64",
        "zone": "home",
        "kvm": True,
        "gpu": False,
        "labels": ["disk"],
        "ports": [80],
        "newer": {"a": 1},
    }
    assert Capabilities.of("nas", told) == NAS


@given(
    st.dictionaries(
        st.sampled_from(["cores", "memory", "arch", "zone", "labels", "ports", "kvm"]),
        st.none() | st.text() | st.booleans() | st.floats() | st.lists(st.integers() | st.text()),
    )
)
def test_nonsense_is_as_if_nothing_was_said(told: dict[str, Any]) -> None:
    host = Capabilities.of("nas", told)
    assert (host.cores, host.memory) == (1, 0)
    unmet(parse_needs("cores>=2,memory>=1G,zone=a,arch!=b,port:1,kvm"), host)
