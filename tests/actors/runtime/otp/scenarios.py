"""The scenarios: each case of OTP's own supervisor suite whose outcome can be seen from outside."""

from __future__ import annotations

from typing import Any

from tests.actors.runtime.otp.scenario import Scenario, Step, probe

RESTARTS = ("permanent", "transient", "temporary")
REASONS: tuple[Any, ...] = ("normal", "shutdown", ("shutdown", "why"), "boom", "kill")
STUBBORN = 500
"""Milliseconds that a child has which does not end: on a busy machine, too, it is told in time."""
ENDURING = {"intensity": 10, "period": 3600}
"""Flags of a supervisor that many restarts do not end."""


def flags(strategy: str = "one_for_one", intensity: int = 1, **more: Any) -> dict[str, Any]:
    return {"strategy": strategy, "intensity": intensity, "period": 3600, **more}


def named(prefix: str, *words: object) -> str:
    return "-".join([prefix, *(str(word).replace("'", "") for word in words)])


def each_end_of_each_restart_type() -> list[Scenario]:
    return [
        Scenario(
            named("end", strategy, restart, reason),
            flags(strategy, 5),
            (probe("a"), probe("b", restart=restart), probe("c", restart="temporary"), probe("d")),
            (("leave", "b", reason), "which"),
        )
        for strategy in ("one_for_one", "one_for_all", "rest_for_one")
        for restart in RESTARTS
        for reason in REASONS
    ]


def each_end_of_each_dynamic_restart_type() -> list[Scenario]:
    return [
        Scenario(
            named("end-dynamic", restart, reason),
            flags("simple_one_for_one", 5),
            (probe("t", restart=restart),),
            (
                ("start_dynamic", "x"),
                ("start_dynamic", "y"),
                ("leave", "x", reason),
                "which",
                "count",
            ),
        )
        for restart in RESTARTS
        for reason in REASONS
    ]


def starting() -> list[Scenario]:
    return [
        Scenario("empty", {}, ()),
        Scenario("in-order", flags(), (probe("a"), probe("b"), probe("c")), ("which", "count")),
        Scenario(
            "ignored-children",
            flags(),
            (
                probe("a", "ignore"),
                probe("b", "ignore", restart="transient"),
                probe("c", "ignore", restart="temporary"),
                probe("d"),
            ),
            ("which", "count", ("restart", "a"), ("delete", "b"), ("spec", "c")),
        ),
        Scenario(
            "second-fails",
            flags(),
            (probe("a"), probe("b", "error"), probe("c")),
        ),
        Scenario(
            "last-fails-after-temporary",
            flags(),
            (probe("a", restart="temporary"), probe("b"), probe("c", "error", restart="temporary")),
        ),
        Scenario(
            "fails-after-stubborn",
            flags(),
            (probe("a", stop="stubborn", shutdown=STUBBORN), probe("b", "error")),
        ),
        Scenario(
            "nested-fails",
            flags(),
            (
                probe("a"),
                probe(
                    "s",
                    "ok",
                    type="supervisor",
                    nested=(flags(), (probe("x"), probe("y", "error"))),
                ),
            ),
        ),
    ]


def start_child_calls() -> list[Scenario]:
    steps: tuple[Step, ...] = (
        ("start", probe("a")),
        ("start", probe("a")),
        ("start", probe("b", "ignore")),
        ("start", probe("b")),
        ("start", probe("c", "ignore", restart="temporary")),
        ("start", probe("c", restart="temporary")),
        ("start", probe("d", "error")),
        ("start", probe("d")),
        ("start", probe("e", restart="sometimes")),
        ("start", probe("f", restart="transient", significant=True)),
        "which",
        "count",
    )
    return [Scenario("start-child", flags(), (), steps)]


def administration() -> list[Scenario]:
    return [
        Scenario(
            "child-adm",
            flags(),
            (probe("a"), probe("b", restart="temporary"), probe("c", restart="transient")),
            (
                ("restart", "a"),
                ("delete", "a"),
                ("terminate", "a"),
                ("terminate", "a"),
                "which",
                ("start", probe("a")),
                ("restart", "a"),
                ("restart", "a"),
                ("terminate", "a"),
                ("delete", "a"),
                ("delete", "a"),
                ("restart", "a"),
                ("terminate", "a"),
                ("terminate", "b"),
                ("restart", "b"),
                ("spec", "b"),
                ("terminate", "c"),
                ("start", probe("c")),
                ("spec", "c"),
                ("start", probe("a")),
                "which",
                "terminate_stranger",
            ),
        ),
        Scenario(
            "child-adm-dynamic",
            flags("simple_one_for_one"),
            (probe("t"),),
            (
                ("start_dynamic", "x"),
                ("start_dynamic", "y"),
                ("terminate", "x"),
                ("terminate", "t"),
                ("restart", "x"),
                ("delete", "x"),
                ("spec", "t"),
                ("spec", "nobody"),
                "which",
                ("terminate_dynamic", "x"),
                ("terminate_dynamic", "x"),
                "terminate_stranger",
                "which",
                "count",
            ),
        ),
        Scenario(
            "defaults",
            {},
            (
                probe("a"),
                probe("b", shutdown="brutal_kill"),
                probe("c", type="supervisor", nested=({}, ())),
                probe("d", shutdown="infinity"),
                probe("e", shutdown=0),
            ),
            tuple(("spec", name) for name in "abcdef"),
        ),
        Scenario(
            "restart-child-fails",
            flags(),
            (probe("a", "ok", "error", "ignore", "ok"),),
            (
                ("terminate", "a"),
                ("restart", "a"),
                "which",
                ("restart", "a"),
                "which",
                ("restart", "a"),
                "which",
            ),
        ),
        Scenario(
            "terminated-child-comes-back-with-all",
            flags("one_for_all"),
            (probe("a"), probe("b"), probe("c")),
            (("terminate", "a"), "which", ("leave", "b", "boom"), "which"),
        ),
        Scenario(
            "terminated-child-comes-back-with-rest",
            flags("rest_for_one"),
            (probe("a"), probe("b"), probe("c")),
            (("terminate", "a"), ("terminate", "c"), ("leave", "b", "boom"), "which"),
        ),
        Scenario(
            "count-mixed",
            flags(),
            (
                probe("a"),
                probe("s", type="supervisor", nested=(flags(), (probe("x"),))),
                probe("c", "ignore"),
                probe("u", type="supervisor", nested=(flags(), ())),
            ),
            (
                "count",
                ("terminate", "s"),
                "count",
                ("delete", "s"),
                "count",
                ("leave", "a", "boom"),
            ),
        ),
    ]


def intensity() -> list[Scenario]:
    crash: Step = ("leave", "a", "boom")
    return [
        *(
            Scenario(
                named("intensity", strategy, limit),
                flags(strategy, limit),
                (probe("a"), probe("b"), probe("c", restart="temporary")),
                (crash,) * (limit + 2),
            )
            for strategy in ("one_for_one", "one_for_all", "rest_for_one")
            for limit in (0, 1, 2)
        ),
        *(
            Scenario(
                named("intensity-dynamic", limit),
                flags("simple_one_for_one", limit),
                (probe("t"),),
                (("start_dynamic", "a"), ("start_dynamic", "b"), *((crash,) * (limit + 1))),
            )
            for limit in (0, 2)
        ),
        Scenario("intensity-default", {}, (probe("a"),), (crash, crash, crash)),
        Scenario(
            "intensity-counts-all-children",
            flags(),
            (probe("a"), probe("b")),
            (crash, ("leave", "b", "boom")),
        ),
        Scenario(
            "intensity-spares-what-is-not-restarted",
            flags(intensity=0),
            (probe("a", restart="transient"), probe("b", restart="temporary"), probe("c")),
            (("leave", "a", "normal"), ("leave", "b", "boom"), "which"),
        ),
        Scenario(
            "period-passes",
            {"intensity": 1, "period": 1},
            (probe("a"),),
            (crash, ("wait", 2300), crash, "which"),
        ),
        Scenario(
            "two-at-once-one-for-one",
            flags(intensity=2),
            (probe("a"), probe("b"), probe("c")),
            (("leave_together", ["a", "c"], "boom"), "which"),
        ),
        Scenario(
            "two-at-once-one-for-all",
            flags("one_for_all", 2),
            (probe("a"), probe("b"), probe("c")),
            (("leave_together", ["a", "c"], "boom"), "which"),
        ),
        Scenario(
            "two-at-once-rest-for-one",
            flags("rest_for_one", 2),
            (probe("a"), probe("b"), probe("c")),
            (("leave_together", ["c", "a"], "boom"), "which"),
        ),
        Scenario(
            "two-at-once-too-many",
            flags(intensity=1),
            (probe("a"), probe("b"), probe("c")),
            (("leave_together", ["a", "c"], "boom"),),
        ),
        Scenario(
            "two-dynamic-at-once",
            flags("simple_one_for_one", 2),
            (probe("t"),),
            (
                ("start_dynamic", "x"),
                ("start_dynamic", "y"),
                ("leave_together", ["x", "y"], "boom"),
                "which",
            ),
        ),
    ]


def failing_restarts() -> list[Scenario]:
    strategies = ("one_for_one", "one_for_all", "rest_for_one")
    failing = probe("b", "ok", later="error")
    return [
        *(
            Scenario(
                named("restart-fails", strategy, failures),
                flags(strategy, 3),
                (probe("a"), probe("b", "ok", *("error",) * failures), probe("c")),
                (("leave", "b", "boom"), "which"),
            )
            for strategy in strategies
            for failures in (1, 2, 3)
        ),
        *(
            Scenario(
                named("other-child-fails-restart", strategy, failures),
                flags(strategy, 3),
                (
                    probe("a", "ok", *("error",) * (failures - 1)),
                    probe("b"),
                    probe("c", "ok", *("error",) * failures),
                    probe("d", restart="temporary"),
                    probe("e"),
                ),
                (("leave", "b", "boom"), "which"),
            )
            for strategy in strategies[1:]
            for failures in (1, 2, 3)
        ),
        *(
            Scenario(
                named("restart-ignored", strategy),
                flags(strategy, 3),
                (probe("a"), probe("b", "ok", "ignore"), probe("c")),
                (("leave", "b", "boom"), "which", ("restart", "b"), "which"),
            )
            for strategy in strategies
        ),
        *(
            Scenario(
                named("restart-fails-dynamic", failures),
                flags("simple_one_for_one", 3),
                (probe("t", "ok", *("error",) * failures),),
                (("start_dynamic", "x"), ("start_dynamic", "y"), ("leave", "x", "boom"), "which"),
            )
            for failures in (1, 3)
        ),
        *(
            Scenario(
                named("hanging-restart-loop", strategy),
                flags(strategy, 1_000_000),
                # with one_for_all, a child before b would be started and ended all the time
                (*([] if strategy == "one_for_all" else [probe("a")]), failing, probe("c")),
                (
                    ("spin", "b"),
                    "which",
                    ("restart", "b"),
                    ("delete", "b"),
                    ("start", probe("b")),
                    ("terminate", "b"),
                    "which",
                    ("delete", "b"),
                    ("start", probe("n")),
                    "which",
                ),
            )
            for strategy in strategies
        ),
        Scenario(
            "hanging-restart-loop-dynamic",
            flags("simple_one_for_one", 1_000_000),
            (probe("t", "ok", later="error"),),
            (
                ("start_dynamic", "x"),
                ("spin", "x"),
                "which",
                "count",
                ("terminate_dynamic", "x"),
                "which",
                "count",
            ),
        ),
        Scenario(
            "hanging-restart-loop-of-another-child",
            flags("one_for_all", 1_000_000),
            (probe("a", "ok", later="error"), probe("b")),
            (("spin", "b"), "which", ("terminate", "a"), "which", ("restart", "b"), "which"),
        ),
        Scenario(
            "stopped-while-restarting",
            flags(intensity=1_000_000),
            (probe("a"), probe("b", "ok", later="error")),
            (("spin", "b"),),
        ),
    ]


def ending() -> list[Scenario]:
    return [
        Scenario(
            "stubborn-child-is-killed",
            flags(),
            (probe("a"), probe("b", stop="stubborn", shutdown=STUBBORN), probe("c")),
        ),
        Scenario(
            "stubborn-child-is-terminated",
            flags(),
            (probe("a"), probe("b", stop="stubborn", shutdown=STUBBORN)),
            (("terminate", "b"), "which", ("restart", "b"), ("delete", "b"), "which"),
        ),
        Scenario(
            "brutal-kill",
            flags(),
            (probe("a"), probe("b", shutdown="brutal_kill"), probe("c", shutdown="infinity")),
            (("terminate", "b"), ("restart", "b"), "which"),
        ),
        Scenario(
            "stubborn-sibling",
            flags("one_for_all"),
            (probe("a"), probe("b", stop="stubborn", shutdown=0), probe("c")),
            (("leave", "c", "boom"), "which"),
        ),
        Scenario(
            "child-ends-badly",
            flags("one_for_all"),
            (probe("a", stop="badly"), probe("b", stop="badly", restart="transient"), probe("c")),
            (("leave", "c", "boom"), ("terminate", "a"), "which"),
        ),
        Scenario(
            "dynamic-children-end-together",
            flags("simple_one_for_one"),
            (probe("t", stop="stubborn", shutdown=STUBBORN),),
            (("start_dynamic", "x"),),
        ),
        Scenario(
            "dynamic-brutal-kill",
            flags("simple_one_for_one"),
            (probe("t", shutdown="brutal_kill"),),
            (("start_dynamic", "x"), ("start_dynamic", "y"), ("terminate_dynamic", "x"), "which"),
        ),
    ]


def dynamic_starts() -> list[Scenario]:
    return [
        Scenario(
            named("dynamic-ignored", restart),
            flags("simple_one_for_one"),
            (probe("t", "ignore", restart=restart),),
            (("start_dynamic", "x"), "which", "count", ("start_dynamic", "x"), "which", "count"),
        )
        for restart in RESTARTS
    ] + [
        Scenario(
            "dynamic-start-fails",
            flags("simple_one_for_one"),
            (probe("t", "error"),),
            (("start_dynamic", "x"), "which", "count", ("start_dynamic", "x"), "which"),
        ),
        Scenario(
            "dynamic-supervisors",
            flags("simple_one_for_one"),
            (probe("t", type="supervisor", nested=(flags(), (probe("in"),))),),
            (("start_dynamic", "x"), "which", "count"),
        ),
    ]


def significance() -> list[Scenario]:
    return [
        *(
            Scenario(
                named("auto", auto, strategy, restart, reason),
                flags(strategy, auto_shutdown=auto),
                (
                    probe("a", restart="transient", significant=True),
                    probe("b", restart=restart, significant=True),
                    probe("c"),
                ),
                (("leave", "b", reason), "which", ("leave", "a", "normal"), "which"),
            )
            for auto in ("any_significant", "all_significant")
            for strategy in ("one_for_one", "one_for_all", "rest_for_one")
            for restart in ("transient", "temporary")
            for reason in ("normal", "boom")
        ),
        *(
            Scenario(
                named("auto-dynamic", auto, restart),
                flags("simple_one_for_one", auto_shutdown=auto),
                (probe("t", restart=restart, significant=True),),
                (
                    ("start_dynamic", "x"),
                    ("start_dynamic", "y"),
                    ("leave", "x", "shutdown"),
                    "which",
                    ("leave", "y", "normal"),
                    "which",
                ),
            )
            for auto in ("any_significant", "all_significant")
            for restart in ("transient", "temporary")
        ),
        Scenario(
            "auto-not-when-terminated",
            flags(auto_shutdown="any_significant"),
            (probe("a", restart="transient", significant=True), probe("b")),
            (("terminate", "a"), "which", ("restart", "a"), ("leave", "a", "normal")),
        ),
        Scenario(
            "auto-not-when-insignificant",
            flags(auto_shutdown="any_significant"),
            (probe("a", restart="transient"), probe("b", restart="temporary")),
            (("leave", "a", "normal"), ("leave", "b", "boom"), "which"),
        ),
        Scenario(
            "auto-last-was-terminated",
            flags(auto_shutdown="all_significant"),
            (
                probe("a", restart="transient", significant=True),
                probe("b", restart="temporary", significant=True),
            ),
            (("terminate", "a"), "which", ("leave", "b", "boom"), "which"),
        ),
        Scenario(
            "auto-sibling-ended-with-all",
            flags("one_for_all", auto_shutdown="any_significant"),
            (probe("a", restart="temporary", significant=True), probe("b")),
            (("leave", "b", "boom"), "which"),
        ),
        Scenario(
            "auto-escalates",
            flags(intensity=2),
            (
                probe("a"),
                probe(
                    "s",
                    type="supervisor",
                    nested=(
                        flags(auto_shutdown="any_significant"),
                        (probe("x", restart="transient", significant=True),),
                    ),
                ),
            ),
            (("leave", "x", "normal"), "which"),
        ),
    ]


def escalation() -> list[Scenario]:
    def tree(outer: str, restart: str, limit: int = 1) -> Scenario:
        inner = (flags(intensity=0), (probe("x"), probe("y")))
        return Scenario(
            named("escalates", outer, restart, limit),
            flags(outer, limit),
            (probe("a"), probe("s", restart=restart, type="supervisor", nested=inner), probe("z")),
            (("leave", "x", "boom"), "which", ("leave", "y", "boom"), "which"),
        )

    return [
        tree(outer, restart, limit)
        for outer in ("one_for_one", "one_for_all", "rest_for_one")
        for restart in RESTARTS
        for limit in (0, 1)
    ]


def the_door() -> list[Scenario]:
    bad_flags: list[dict[str, Any]] = [
        {"strategy": "none_for_one"},
        {"intensity": -1},
        {"intensity": 1.5},
        {"intensity": "many"},
        {"period": 0},
        {"period": -1},
        {"period": "long"},
        {"auto_shutdown": "sometimes"},
        {"auto_shutdown": True},
    ]
    bad_fields: list[dict[str, Any]] = [
        {"restart": "sometimes"},
        {"restart": True},
        {"shutdown": -1},
        {"shutdown": "soon"},
        {"shutdown": True},
        {"type": "manager"},
        {"significant": "very", "restart": "transient"},
        {"significant": True, "restart": "transient"},
        {"significant": True, "restart": "temporary"},
        {"significant": True},
    ]
    bad_with_auto: list[dict[str, Any]] = [
        {"significant": True},
        {"significant": True, "restart": "permanent"},
        {"significant": True, "restart": "transient"},
        {"significant": True, "restart": "temporary"},
        {"significant": 1, "restart": "temporary"},
    ]
    return [
        *(Scenario(named("flags", *flag.items()), flag, ()) for flag in bad_flags),
        *(
            Scenario(named("spec", *fields.items()), flags(), (probe("a", **fields),))
            for fields in bad_fields
        ),
        *(
            Scenario(
                named("spec-auto", auto, *fields.items()),
                flags(auto_shutdown=auto),
                (probe("a", **fields),),
            )
            for fields in bad_with_auto
            for auto in ("any_significant", "all_significant")
        ),
        Scenario("duplicate-id", flags(), (probe("a"), probe("b"), probe("a"))),
        Scenario("simple-without-template", flags("simple_one_for_one"), ()),
        Scenario("simple-with-two", flags("simple_one_for_one"), (probe("a"), probe("b"))),
    ]


def all_scenarios() -> list[Scenario]:
    """Every scenario; the names are unique."""
    return [
        *starting(),
        *start_child_calls(),
        *administration(),
        *each_end_of_each_restart_type(),
        *each_end_of_each_dynamic_restart_type(),
        *intensity(),
        *failing_restarts(),
        *ending(),
        *dynamic_starts(),
        *significance(),
        *escalation(),
        *the_door(),
    ]
