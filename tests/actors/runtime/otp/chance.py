"""Scenarios made by chance, the same ones for the same seed."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.actors.runtime.otp.scenario import Probe, Scenario, Step
from tests.actors.runtime.otp.scenarios import REASONS, RESTARTS

LABELS = ("a", "b", "c", "d")
STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one")


def scenario(seed: int) -> Scenario:
    """The scenario of a seed."""
    chance = Random(seed)
    strategy = chance.choice(STRATEGIES)
    flags = {
        "strategy": strategy,
        "intensity": chance.randrange(5),
        "period": 3600,
        "auto_shutdown": chance.choice(("never", "never", "any_significant", "all_significant")),
    }
    is_simple = strategy == "simple_one_for_one"
    labels = ("t",) if is_simple else LABELS[: chance.randint(1, 4)]
    children = tuple(_child(chance, label, flags) for label in labels)
    step = _dynamic_step if is_simple else _step
    steps = tuple(step(chance, flags) for _ in range(chance.randint(2, 9)))
    return Scenario(f"chance-{seed}", flags, children, steps)


def _child(chance: Random, label: str, flags: dict[str, Any]) -> Probe:
    restart = chance.choice(RESTARTS)
    may_be_significant = restart != "permanent" and flags["auto_shutdown"] != "never"
    # OTP keeps a dynamic child that is ignored when restarted as a child without pid, and crashes
    # when it ends: no ignore among the later outcomes of those.
    is_simple = flags["strategy"] == "simple_one_for_one"
    later = ("ok", "ok", "error") if is_simple else ("ok", "ok", "error", "ignore")
    first = chance.choice(("ok",) * 12 + ("ignore", "error"))
    return Probe(
        label,
        (first, *chance.choices(later, k=chance.randrange(6))) if first == "ok" else (first,),
        stop=chance.choice(("obey", "obey", "badly")),
        fields={
            "restart": restart,
            "shutdown": chance.choice((5000, "infinity", "brutal_kill")),
            "significant": may_be_significant and chance.random() < 0.6,
        },
    )


def _step(chance: Random, flags: dict[str, Any]) -> Step:
    name = chance.choice(
        ("leave", "leave", "leave", "leave_together", "terminate", "restart", "delete", "start")
    )
    if name == "leave":
        return (name, chance.choice(LABELS), chance.choice(REASONS))
    if name == "leave_together":
        return (name, chance.sample(LABELS, 2), chance.choice(REASONS))
    if name == "start":
        return (name, _child(chance, chance.choice(LABELS), flags))
    return (name, chance.choice(LABELS))


def _dynamic_step(chance: Random, _: dict[str, Any]) -> Step:
    name = chance.choice(
        ("leave", "leave", "leave_together", "terminate_dynamic", "count", *["start_dynamic"] * 3)
    )
    if name == "count":
        return name
    if name == "leave":
        return (name, chance.choice(LABELS), chance.choice(REASONS))
    if name == "leave_together":
        return (name, chance.sample(LABELS, 2), chance.choice(REASONS))
    return (name, chance.choice(LABELS))
