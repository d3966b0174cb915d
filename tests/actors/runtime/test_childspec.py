from __future__ import annotations

import math
from typing import Any

import pytest

from simulacra.actors.runtime import BRUTAL_KILL, Actor, Backoff, ChildSpec, Flags, SpecError
from simulacra.actors.runtime.childspec import check_child, check_children, load_actor


class Worker(Actor):
    pass


def spec(name: str = "a", **fields: Any) -> ChildSpec:
    return ChildSpec(name, Worker, **fields)


def test_the_defaults_are_otps() -> None:
    flags = Flags()
    assert (flags.strategy, flags.intensity, flags.period) == ("one_for_one", 1, 5.0)
    assert (flags.auto_shutdown, flags.backoff) == ("never", None)
    child = spec()
    assert (child.restart, child.shutdown, child.kind, child.significant) == (
        "permanent",
        5.0,
        "worker",
        False,
    )


@pytest.mark.parametrize(
    ("fields", "shutdown"),
    [
        ({"kind": "supervisor"}, None),
        ({"kind": "supervisor", "shutdown": 2}, 2),
        ({"shutdown": None}, None),
        ({"shutdown": 0}, 0),
        ({"shutdown": BRUTAL_KILL}, BRUTAL_KILL),
    ],
)
def test_the_shutdown_is_settled_by_the_kind_unless_said(
    fields: dict[str, Any], shutdown: float | str | None
) -> None:
    assert spec(**fields).shutdown == shutdown


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"strategy": "two_for_one"}, "strategy must be one of one_for_one"),
        ({"intensity": -1}, "intensity must be an integer >= 0, not -1"),
        ({"intensity": 1.5}, "intensity must be an integer"),
        ({"intensity": True}, "intensity must be an integer"),
        ({"period": 0}, "period must be a number > 0, not 0"),
        ({"period": -5}, "period must be a number > 0, not -5"),
        ({"period": math.nan}, "period must be a number > 0"),
        ({"period": math.inf}, "period must be a number > 0"),
        ({"period": "5"}, "period must be a number"),
        ({"auto_shutdown": "always"}, "auto_shutdown must be one of never"),
        ({"backoff": 1.0}, "backoff must be a Backoff"),
    ],
)
def test_bad_flags_are_refused_with_the_name_of_the_field(
    fields: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(SpecError, match=f"^Flags: {complaint}"):
        Flags(**fields)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"initial": 0}, "initial must be a number > 0"),
        ({"initial": 2, "maximum": 1}, "maximum must be a number >= 2, not 1"),
        ({"factor": 0.5}, "factor must be a number >= 1, not 0.5"),
    ],
)
def test_a_bad_backoff_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SpecError, match=f"^Backoff: {complaint}"):
        Backoff(**fields)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"restart": "sometimes"}, "restart must be one of permanent, transient, temporary"),
        ({"kind": "manager"}, "kind must be one of worker, supervisor, not 'manager'"),
        ({"shutdown": -1}, "shutdown must be a number >= 0, not -1"),
        ({"shutdown": "soon"}, "shutdown must be a number >= 0, not 'soon'"),
        ({"shutdown": True}, "shutdown must be a number"),
        ({"significant": 1, "restart": "transient"}, "significant must be a bool, not 1"),
        ({"significant": True}, "a significant child must be transient or temporary"),
        ({"args": [1]}, r"args must be a tuple, not \[1\]"),
        ({"kwargs": ["x"]}, "kwargs must be a Mapping"),
        ({"kwargs": {1: 2}}, "kwargs must have strings for keys"),
        ({"kwargs": {"parent": None}}, "kwargs must not have parent"),
        ({"start_timeout": 0}, "start_timeout must be a number > 0"),
        ({"actor": "Worker"}, "actor must be a subclass of Actor or 'module:Class', not 'Worker'"),
        ({"actor": int}, "actor must be a subclass of Actor"),
        ({"id": []}, "id must be hashable"),
    ],
)
def test_a_bad_spec_is_refused_with_the_names_of_child_and_field(
    fields: dict[str, Any], complaint: str
) -> None:
    child = str(fields.get("id", "'a'")).replace("[", r"\[").replace("]", r"\]")
    with pytest.raises(SpecError, match=f"^ChildSpec {child}: {complaint}"):
        ChildSpec(**{"id": "a", "actor": Worker, **fields})


def test_a_significant_child_needs_an_auto_shutdown() -> None:
    child = spec(restart="transient", significant=True)
    check_child(Flags(auto_shutdown="any_significant"), child)
    with pytest.raises(SpecError, match=r"ChildSpec 'a': significant needs Flags\(auto_shutdown"):
        check_child(Flags(), child)


def test_a_child_must_be_a_spec() -> None:
    not_a_spec: Any = ("a", Worker)
    with pytest.raises(SpecError, match="must be given as a ChildSpec"):
        check_child(Flags(), not_a_spec)


def test_flags_must_be_flags() -> None:
    not_flags: Any = {"strategy": "one_for_one"}
    with pytest.raises(SpecError, match="Supervisor: flags must be a Flags"):
        check_children(not_flags, [])


def test_ids_must_differ() -> None:
    with pytest.raises(SpecError, match="ChildSpec 'a': id must be unique"):
        check_children(Flags(), [spec("a"), spec("b"), spec("a")])
    assert len(check_children(Flags(), [spec("a"), spec("b")])) == 2


@pytest.mark.parametrize("count", [0, 2])
def test_simple_one_for_one_takes_one_template(count: int) -> None:
    specs = [spec(str(number)) for number in range(count)]
    with pytest.raises(SpecError, match=f"exactly 1 child spec, not {count}"):
        check_children(Flags("simple_one_for_one"), specs)


def test_a_class_may_be_given_by_name() -> None:
    assert load_actor(spec()) is Worker
    assert load_actor(ChildSpec("a", "simulacra.actors.runtime:Actor")) is Actor


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("simulacra.nowhere:Actor", ModuleNotFoundError),
        ("simulacra.actors.runtime:Nobody", AttributeError),
        ("simulacra.actors.runtime:Flags", SpecError),
    ],
)
def test_a_name_that_leads_nowhere(name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        load_actor(ChildSpec("a", name))
