"""The host that one sits at: a deploy that would cut it off is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulacra.hosts.deploy.sitting import Here, refusals
from simulacra.overlay.plan.document import Plan
from tests.hosts.deploy.making import star
from tests.overlay.plans import key_of

STAR = star(["a", "b"], relays=["gate"])
"""Two hosts behind NAT and the relay between them."""


def with_key(name: str, key: str) -> Plan:
    """The same, with another key of a host."""
    return replace(STAR, hosts={**STAR.hosts, name: replace(STAR.hosts[name], key=key)})


@pytest.mark.parametrize("here", [Here("laptop"), Here("laptop", star(["a", "laptop"], ["gate"]))])
def test_an_inventory_without_it_is_refused(here: Here) -> None:
    [refusal] = refusals(STAR, here)
    assert "this would cut off laptop, the host that you sit at" in refusal.text
    assert "mend hosts.laptop in the inventory" in refusal.hint
    assert refusal.forced


@pytest.mark.parametrize("now", [None, STAR])
def test_one_that_has_lost_its_key_is_refused(now: Plan | None) -> None:
    [refusal] = refusals(with_key("a", ""), Here("a", now))
    assert "key" in refusal.text


def test_one_that_has_another_key_than_it_holds_is_refused() -> None:
    other = with_key("a", key_of("somebody"))
    [refusal] = refusals(other, Here("a", STAR, key_of("a")))
    assert "a would have another key than the one that it holds" in refusal.text
    assert refusals(other, Here("b", STAR, key_of("b"))) == []


def test_a_key_that_it_has_got_since_is_none_of_another() -> None:
    turned = with_key("a", key_of("a later"))
    assert refusals(turned, Here("a", STAR, key_of("a later"))) == []
    assert refusals(STAR, Here("a", STAR, key_of("a later"))) == []


@pytest.mark.parametrize("now", [None, STAR])
def test_one_that_leaves_it_no_way_to_anybody_is_refused(now: Plan | None) -> None:
    cut = replace(STAR.hosts["a"], peers=(), relays=())
    alone = replace(STAR, hosts={**STAR.hosts, "a": cut})
    [refusal] = refusals(alone, Here("a", now))
    assert "a" in refusal.text
    assert refusals(alone, Here("b", now)) == []


def test_who_sits_outside_of_the_network_is_not_cut_off() -> None:
    assert refusals(STAR, Here("")) == []
    assert refusals(STAR, Here("", STAR)) == []


def test_another_network_s_plan_says_nothing_of_this_one() -> None:
    elsewhere = replace(STAR, network="work")
    assert refusals(with_key("a", key_of("somebody")), Here("a", elsewhere)) == []


def test_a_network_of_one_host_cuts_nobody_off() -> None:
    assert refusals(star(["a"], []), Here("a")) == []
