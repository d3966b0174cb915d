"""In which order hosts are rolled out, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.hosts.deploy.network import Overlay, of
from simulacra.hosts.deploy.refusing import Refusal, refuse
from simulacra.hosts.deploy.waves import Wishes, refusals, waves
from tests.hosts.deploy.making import host, planned, star, text

NAMES = [f"h{number}" for number in range(12)]
WISHES = st.builds(Wishes, size=st.integers(1, 5))
STAR = star(["a", "b"], relays=["gate"])
"""Two hosts behind NAT and the relay between them."""


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[str], Overlay, str]:
    """Hosts to deploy, the overlay that they are in, and where one sits."""
    hosts = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    relays = draw(st.frozensets(st.sampled_from(NAMES)))
    here = draw(st.sampled_from(["", *NAMES]))
    return hosts, Overlay(relays, frozenset(set(NAMES) - relays)), here


@given(networks(), WISHES)
def test_every_host_is_in_one_wave(network: tuple[list[str], Overlay, str], wish: Wishes) -> None:
    hosts, overlay, here = network
    made = waves(hosts, overlay, here, wish)
    assert sorted(host for wave in made for host in wave.hosts) == sorted(hosts)
    assert all(wave.hosts for wave in made)


@given(networks(), WISHES)
def test_a_canary_goes_first_and_alone_and_here_last(
    network: tuple[list[str], Overlay, str], wish: Wishes
) -> None:
    hosts, overlay, here = network
    made = waves(hosts, overlay, here, wish)
    assert len(made[0].hosts) == 1
    if here in hosts:
        assert made[-1].hosts == (here,)
    plain = set(hosts) - overlay.relays - {here}
    if plain:
        assert made[0].hosts[0] in plain


@given(networks(), WISHES)
def test_relays_go_alone_after_those_who_are_none(
    network: tuple[list[str], Overlay, str], wish: Wishes
) -> None:
    hosts, overlay, here = network
    made = [wave.hosts for wave in waves(hosts, overlay, here, wish)]
    for wave in made:
        if set(wave) & overlay.relays:
            assert len(wave) == 1
    order = [host for wave in made for host in wave if host != here]
    kinds = [host in overlay.relays for host in order]
    assert kinds == sorted(kinds)


@given(networks(), st.integers(1, 5))
def test_waves_double_up_to_a_size(network: tuple[list[str], Overlay, str], size: int) -> None:
    hosts, overlay, here = network
    made = waves(hosts, overlay, here, Wishes(size=size))
    sizes = [len(wave.hosts) for wave in made]
    assert max(sizes) <= size
    for before, now in pairwise(sizes):
        assert now <= 2 * before


@settings(max_examples=30)
@given(networks())
def test_a_plain_order_never_risks_all_relays_with_all_who_need_them(
    network: tuple[list[str], Overlay, str],
) -> None:
    hosts, overlay, here = network
    relays = sorted(overlay.relays & set(hosts))
    whole = star(sorted(set(hosts) - set(relays)), relays)
    made = waves(hosts, of(whole), here)
    assert refusals(made, hosts, whole, Wishes()) == []


def test_the_canary_may_be_chosen() -> None:
    made = waves(["a", "b", "gate"], of(STAR), "", Wishes(canary="b"))
    assert [wave.hosts for wave in made] == [("b",), ("a",), ("gate",)]


@pytest.mark.parametrize(
    ("wishes", "said", "hint"),
    [
        (Wishes(canary="b"), "the canary b is not among what is deployed", "add it: a b"),
        (Wishes(canary="c"), "the canary c is no host of the inventory", "one of: a"),
        (Wishes(canary="a", at_once=True), "of all at once none goes first", "leave out --canary"),
    ],
)
def test_a_canary_that_cannot_be_one_is_refused(wishes: Wishes, said: str, hint: str) -> None:
    [refusal] = refusals(waves(["a"], of(STAR), "", wishes), ["a"], STAR, wishes)
    assert refusal.text.startswith(said)
    assert refusal.hint.startswith(hint)


# -- relays


def test_who_depends_on_a_relay_is_who_reaches_somebody_only_by_it() -> None:
    assert of(STAR) == Overlay(frozenset({"gate"}), frozenset({"a", "b"}))
    gate = host("gate", zone="cloud", endpoints=["gate.example.org"], relay=True)
    lan = planned(text({"a": host("a"), "b": host("b"), "gate": gate}))
    assert of(lan) == Overlay(frozenset({"gate"}), frozenset())


def test_phones_and_what_has_no_key_yet_do_not_count() -> None:
    hosts = {
        "a": host("a"),
        "gate": host("gate", zone="cloud", endpoints=["gate.example.org"], relay=True),
        "phone": host("phone", kind="phone", ssh=None),
        "new": host("new", zone="attic", wireguard=None),
    }
    assert of(planned(text(hosts))).dependants == frozenset()


def at_once(*hosts: str, fixed: Sequence[str] = ()) -> list[Refusal]:
    wishes = Wishes(at_once=True)
    return refusals(waves(hosts, of(STAR), "", wishes), hosts, STAR, wishes, fixed=fixed)


def test_the_only_relay_with_all_its_dependants_in_one_wave_is_refused() -> None:
    [refusal] = at_once("a", "b", "gate")
    assert "the only relay, gate, and everybody who depends on it: a, b" in refusal.text
    with pytest.raises(Exception, match="nothing was changed") as caught:
        refuse([refusal])
    assert "--force" in getattr(caught.value, "hint", "")
    refuse([refusal], force=True)


def test_without_the_relay_or_one_of_the_others_it_is_not() -> None:
    assert at_once("a", "b") == []
    assert at_once("a", "gate") == []


def test_dependants_that_are_never_deployed_to_do_not_make_it_safer() -> None:
    [refusal] = at_once("a", "gate", fixed=["b"])
    assert refusal.text.startswith("one wave would have the only relay, gate, and everybody")
