"""A phone's configuration is found to be stale once anything that it hangs on is another."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.phone import PhoneError, given, stale, told, users
from simulacra.overlay.plan.text import from_text, to_text
from tests.hosts.inventory.samples import key
from tests.overlay.plan.inventories import planned

HUB: dict[str, Any] = {"relay": True, "endpoints": ["hub.example.org"], "wireguard": key("hub")}
FAR: dict[str, Any] = {"relay": True, "endpoints": ["far.example.org"], "wireguard": key("far")}
BOX: dict[str, Any] = {"roles": ["media"], "wireguard": key("box")}
PHONE: dict[str, Any] = {"kind": "phone", "roles": ["family"], "wireguard": key("phone")}
ROLES = {"media": {"accepts": ["*", "family"]}, "family": {}}


def with_phone(**changed: Any) -> Plan:
    hosts = {"hub": HUB, "far": FAR, "box": BOX, "phone": PHONE} | changed
    return planned({name: host for name, host in hosts.items() if host}, roles=ROLES)


def shown() -> dict[str, Any]:
    """The phone as the inventory has it once it was shown its configuration."""
    return {**PHONE, "given": asdict(given(with_phone(), "phone", "hub"))}


def test_what_was_shown_is_not_stale_and_goes_into_the_plan_and_out_of_it() -> None:
    plan = with_phone(phone=shown())
    assert stale(plan) == {}
    assert from_text(to_text(plan)) == plan


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"hub": {**HUB, "wireguard": key("hub, later")}}, ("key",)),
        ({"hub": {**HUB, "endpoints": ["192.0.2.9"]}}, ("endpoint",)),
        ({"hub": {**HUB, "port": 6000, "wireguard": key("x")}}, ("key", "endpoint")),
        ({"hub": {"wireguard": key("hub")}}, ("relay",)),
        ({"hub": None}, ("relay",)),
        ({"phone": {**shown(), "address": "10.44.7.7"}}, ("address",)),
        ({"tv": {"roles": ["media"], "wireguard": key("tv")}}, ("reaches",)),
    ],
)
def test_what_it_hangs_on_and_has_changed_is_named(
    changed: dict[str, Any], what: tuple[str, ...]
) -> None:
    plan = with_phone(**{"phone": shown(), **changed})
    assert stale(plan) == {"phone": what}
    said = told("phone", what)
    assert said.endswith("simulacra overlay phone phone --again")


@pytest.mark.parametrize(
    "changed",
    [
        {"far": {**FAR, "wireguard": key("far, later")}},
        {"far": None},
        {"desk": {"wireguard": key("desk")}},
        {"box": {**BOX, "wireguard": key("box, later")}},
    ],
)
def test_what_it_does_not_hang_on_may_change(changed: dict[str, Any]) -> None:
    assert stale(with_phone(phone=shown(), **changed)) == {}


def test_a_key_counts_as_it_is_whatever_the_plan_says() -> None:
    plan = with_phone(phone=shown())
    assert stale(plan, {"hub": key("hub"), "far": key("other")}) == {}
    assert stale(plan, {"hub": key("hub, later")}) == {"phone": ("key",)}


def test_phones_go_by_one_relay_and_where_that_is_not_known_by_any() -> None:
    plan = with_phone(phone=shown(), other={**PHONE, "wireguard": key("other")})
    assert users(plan, "hub") == ("other", "phone")
    assert users(plan, "far") == ("other",)
    assert users(plan, "box") == ()
    # Of what is not known nothing can be said.
    assert stale(plan) == {}


def test_by_a_host_that_is_no_relay_nothing_is_given() -> None:
    with pytest.raises(PhoneError, match="box is no relay of phone; there is: "):
        given(with_phone(), "phone", "box")
