"""Cables as they are said to be, and what the tools are told of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.testing.lab.plan import LabError, Plan
from simulacra.testing.lab.wiring import Held, Link, Wiring, parse_rate, parse_share

PLAN = Plan((("a", "b"), ("c", "d", "e")))
WHOLE = Wiring(PLAN)


def cuts(wiring: Wiring) -> set[str]:
    return {source + target for (source, target), link in wiring.links.items() if link.cut}


parts = st.lists(
    st.lists(st.sampled_from(PLAN.hosts), min_size=1, unique=True), min_size=2, max_size=4
)


@given(parts, parts)
def test_a_split_cuts_just_those_that_share_no_part(
    before: list[list[str]], after: list[list[str]]
) -> None:
    wiring = WHOLE.split(before).split(after)
    named = {host for part in after for host in part}
    apart = {
        one + other
        for one in named
        for other in named
        if one != other and not any({one, other} <= set(part) for part in after)
    }
    zones = {frozenset(zone) for zone in PLAN.zones}
    if {frozenset(part) for part in after} == zones:
        assert (wiring.apart, cuts(wiring)) == (True, set())
    else:
        assert (wiring.apart, cuts(wiring)) == (False, apart)


@given(parts)
def test_what_is_done_can_be_undone(split: list[list[str]]) -> None:
    slow = WHOLE.slow("a", "c", rate=10**6).lose("a", "d", share=0.1)
    changed = slow.split(split).unplug("e").cut("b", one_way=True)
    assert changed.mend() == slow
    assert changed.heal() == WHOLE
    assert slow.slow("a", "c").lose("a", "d") == WHOLE


def test_a_cut_is_of_both_ways_or_one_and_of_one_other_or_all() -> None:
    assert cuts(WHOLE.cut("a", "b")) == {"ab", "ba"}
    assert cuts(WHOLE.cut("a", "b", one_way=True)) == {"ab"}
    assert cuts(WHOLE.cut("a", one_way=True)) == {"ab", "ac", "ad", "ae"}


def test_the_rules_stop_what_is_cut_or_held_and_lose_some_of_the_rest() -> None:
    wiring = WHOLE.cut("a", "b", one_way=True).lose("a", "c", share=0.05)
    wiring = wiring.slow("d", "e", rate=10**7, latency=0.05)
    rules = wiring.ruleset().splitlines()
    assert (
        'ether saddr . oifname { 02:77:00:00:00:01 . "port2",'
        ' 02:77:00:00:00:04 . "port5", 02:77:00:00:00:05 . "port4" } drop'
    ) in rules
    lossy = 'ether saddr 02:77:00:00:00:01 oifname "port3" numgen random mod 10000 < 500 drop'
    assert lossy in rules
    assert 'ether saddr 02:77:00:00:00:04 oifname "port5" meta priority set 1:4' in rules
    assert "drop" not in WHOLE.ruleset()


def test_a_late_link_is_held_unless_nothing_passes() -> None:
    late = WHOLE.slow("a", "c", rate=10**6, latency=0.05).lose("a", "c", share=0.5)
    held = Held("port1", "port3", "02:77:00:00:00:03", 0.05, 0.5, (1 << 16) + 1)
    assert held in late.held()
    assert len(late.held()) == 2
    assert late.cut("a", "c").held() == []
    assert late.split(PLAN.zones).held() == []


def test_rates_are_set_only_where_they_change() -> None:
    one = WHOLE.slow("a", "b", rate=8_000_000)
    lines = list(one.reshaping(WHOLE))
    assert lines[0] == "qdisc add dev port1 root handle 1: htb"
    assert lines[1].startswith("class add dev port1 parent 1: classid 1:2 htb rate 8000000bit")
    assert lines[2] == "qdisc add dev port1 parent 1:2 bfifo limit 400000"
    assert list(one.lose("a", "b", share=0.1).reshaping(one)) == []
    assert list(WHOLE.reshaping(one)) == ["qdisc del dev port1 root", "qdisc del dev port2 root"]


def test_cables_are_pulled_and_put_back() -> None:
    pulled = WHOLE.unplug("b").split(PLAN.zones).unplug("b")
    assert list(pulled.cables(WHOLE)) == [
        "link set port2 down",
        "link set trunk0 down",
        "link set trunk1 down",
    ]
    assert list(pulled.plug("b").cables(pulled)) == ["link set port2 up"]


def test_what_is_not_plain_is_said() -> None:
    wiring = WHOLE.slow("a", "b", rate=10**7, latency=0.05).cut("c", "d", one_way=True).unplug("e")
    assert wiring.words() == [
        "e is unplugged",
        "a to b: 10 Mbit/s, 50 ms late",
        "b to a: 10 Mbit/s, 50 ms late",
        "c to d: cut",
    ]
    assert wiring.link("c", "d") == Link(cut=True)


@pytest.mark.parametrize(
    ("text", "rate"), [("10mbit", 10**7), ("500kbit", 500_000), ("1Gbit", 10**9)]
)
def test_rates_in_words(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "10", "10 parsec", "0mbit", "-1mbit"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(LabError, match=r"no rate.*10mbit"):
        parse_rate(text)


def test_shares_in_words() -> None:
    assert parse_share("5%") == 0.05
    for wrong in ("5", "101%", "%", "-1%"):
        with pytest.raises(LabError, match="no share"):
            parse_share(wrong)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(LabError, match="two parts"):
        WHOLE.split([["a"]])
    with pytest.raises(LabError, match="no link to itself"):
        WHOLE.cut("a", "a")
    with pytest.raises(LabError, match="no host 'x'"):
        WHOLE.slow("x", "a", rate=1)
    with pytest.raises(LabError, match="latency"):
        WHOLE.slow("a", "b", latency=-1)
    with pytest.raises(LabError, match="share"):
        WHOLE.lose("a", "b", share=1.5)
    with pytest.raises(LabError, match="no host"):
        WHOLE.unplug("x")
