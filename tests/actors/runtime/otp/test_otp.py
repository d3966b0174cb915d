"""The same scenarios here and in real OTP: outcome against outcome.

Compared are, in their order: every start and end of a child, the answer to every call, who lives
and who does not after each step, and why the supervisor ended.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import groupby

import pytest

from tests.actors.runtime.otp import chance, ours, theirs
from tests.actors.runtime.otp.scenario import Scenario
from tests.actors.runtime.otp.scenarios import all_scenarios

SEEDS = 150

WRITTEN = {scenario.name: scenario for scenario in all_scenarios()}
CHANCE = {scenario.name: scenario for scenario in map(chance.scenario, range(SEEDS))}
SCENARIOS = WRITTEN | CHANCE

OTP_BUGS = {
    # A dynamic child that is terminated while it is restarting still counts as restarting.
    "specs 1 active -1 supervisors 0 workers 0": "specs 1 active 0 supervisors 0 workers 0",
}

pytestmark = pytest.mark.skipif(
    not theirs.is_installed() and "CI" not in os.environ,
    reason="no Erlang here: apt-get install erlang-base",
)


@pytest.fixture(scope="module")
def otp(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What OTP made of all scenarios."""
    return theirs.play(SCENARIOS.values(), tmp_path_factory.mktemp("otp"))


@pytest.mark.parametrize("name", SCENARIOS)
def test_same_outcome_as_otp(name: str, otp: dict[str, list[str]]) -> None:
    scenario = SCENARIOS[name]
    assert settled(ours.play(scenario), scenario) == settled(otp[name], scenario)


def settled(events: list[str], scenario: Scenario) -> list[str]:
    """The events without what is left open.

    Dynamic children end in no set order, and who has no time to end may come to say that it does.
    """
    hasty = {f"stop {each.id}:" for each in scenario.children if each.fields.get("shutdown") == 0}
    known = [OTP_BUGS.get(event, event) for event in events if not event.startswith(tuple(hasty))]
    return known if scenario.flags.get("strategy") != "simple_one_for_one" else [*_sorted(known)]


def _sorted(events: list[str]) -> Iterator[str]:
    for is_stop, run in groupby(events, lambda event: event.startswith("stop ")):
        together = list(run)
        yield from sorted(together) if is_stop else together


def test_names_are_unique() -> None:
    assert len(WRITTEN) == len(all_scenarios())


def test_every_answer_is_seen(otp: dict[str, list[str]]) -> None:
    """The scenarios reach everything that a supervisor can answer; else they prove little."""
    assert {
        "not up: refused",
        "not up: shutdown",
        "ok: ignored",
        "error: already_started",
        "error: already_present",
        "error: did not start",
        "error: spec refused",
        "error: running",
        "error: restarting",
        "error: not_found",
        "error: simple_one_for_one",
        "no supervisor",
    } <= {event for name in WRITTEN for event in otp[name]}
