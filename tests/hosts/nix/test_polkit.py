"""Whom the rule for polkit allows what, as an engine of its kind understands it."""

from __future__ import annotations

from typing import Any

import dukpy
import pytest

from tests.hosts.nix.nix import LIBRARY, Nix, needs_nix

pytestmark = needs_nix

POLKIT = """
var rules = [];
var polkit = {Result: {YES: "yes", NO: "no"}, addRule: function(rule) { rules.push(rule); }};
"""
ASKED = """
rules.map(function(rule) { return rule({id: dukpy.action}, {user: dukpy.user}) || null; });
"""


@pytest.fixture(scope="module")
def rule(nix: Nix) -> Any:
    made = '{ library }: import (/. + library + /polkit.nix) { user = "ann"; }'
    return nix.evaluate(made, library=str(LIBRARY))


@pytest.mark.parametrize(
    ("user", "action", "answer"),
    [
        ("ann", "suspend", "yes"),
        ("ann", "suspend-multiple-sessions", "yes"),
        ("ann", "power-off", "yes"),
        ("ann", "power-off-multiple-sessions", "yes"),
        ("bob", "suspend", None),
        ("annie", "power-off", None),
        ("ann", "reboot", None),
        ("ann", "halt", None),
        ("ann", "hibernate", None),
        ("ann", "suspend-ignore-inhibit", None),
        ("ann", "power-off-ignore-inhibit", None),
        ("ann", "set-wall-message", None),
        ("ann", "", None),
    ],
)
def test_its_user_may_suspend_and_switch_off_and_nothing_else(
    rule: str, user: str, action: str, answer: str | None
) -> None:
    asked = {"user": user, "action": f"org.freedesktop.login1.{action}"}
    assert dukpy.evaljs([POLKIT, rule, ASKED], **asked) == [answer]


def test_what_is_no_matter_of_power_is_left_to_others(rule: str) -> None:
    asked = {"user": "ann", "action": "org.freedesktop.systemd1.manage-units"}
    assert dukpy.evaljs([POLKIT, rule, ASKED], **asked) == [None]
